import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.queue.jobs import QueuedJob
from executor.queue.pending import PendingJobs


def make_line(numbers):
    return PendingJobs(
        QueuedJob(f"{index}", index, number, {}, {}, (), 0.0) for index, number in enumerate(numbers)
    )


def ids(line):
    return [job.job_id for job in line]


def test_a_job_moves_before_another_and_nothing_else_changes():
    line = make_line([0, 1, 2, 3])
    assert [job.number for job in line.move("3", "1")] == [0.5]
    assert ids(line) == ["0", "3", "1", "2"]


def test_a_job_moves_to_the_head():
    line = make_line([0, 1, 2])
    line.move("2", None)
    assert ids(line) == ["2", "0", "1"]
    assert line.first_number() == -1


def test_a_job_that_stays_where_it_is_changes_nothing():
    line = make_line([0, 1])
    assert line.move("1", "1") == []
    assert make_line([5]).move("0", None) == []


@pytest.mark.parametrize("move", [("9", "1"), ("1", "9")])
def test_what_does_not_wait_cannot_be_moved(move):
    with pytest.raises(KeyError, match="9"):
        make_line([0, 1]).move(*move)


@given(
    st.lists(st.sampled_from([0, 1, 1.5, -2]), min_size=2, max_size=7),
    st.lists(st.tuples(st.integers(0, 6), st.one_of(st.none(), st.integers(0, 6))), max_size=12),
)
def test_any_moves_leave_the_order_that_was_asked_for(numbers, moves):
    line = make_line(numbers)
    for moved, before in moves:
        names = [str(moved), None if before is None else str(before)]
        if any(name is not None and name not in line for name in names) or moved == before:
            continue
        expected = [name for name in ids(line) if name != names[0]]
        expected.insert(0 if before is None else expected.index(names[1]), names[0])
        line.move(*names)
        assert ids(line) == expected
        assert ids(PendingJobs(line)) == expected  # as after a restart
        assert names[0] in line
