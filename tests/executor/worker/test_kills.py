import pytest

from benchmarks.kills import run_rounds


@pytest.mark.slow
def test_nothing_is_lost_or_done_twice_whoever_is_killed(tmp_path):
    report = run_rounds(tmp_path, rounds=30, jobs=50, seed=7)
    assert report.problems == []
    assert report.states["succeeded"] > 0
    assert sum(report.kills.values()) == 30
    assert set(report.states) <= {"succeeded", "failed"}
    # A job fails only if two kills met it, and at most one runs at a time.
    assert report.states["failed"] <= 15
    assert sum(report.attempts[times] for times in report.attempts if times > 1) >= 5, "few kills met a job"
