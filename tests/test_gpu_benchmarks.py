"""The measurements that need a GPU run through on the processor, with tiny networks."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmarks.gpu import caches, copying, everything, growth, loading, quantised, steps, subjects, ways
from benchmarks.gpu.measure import Bench

PARTS: dict[str, tuple[Callable[[list[str]], None], tuple[str, ...]]] = {
    "steps": (steps.main, ("Flux-shaped, resident", "SDXL-shaped, resident", "25% of the weights fit")),
    "copying": (copying.main, ("streamed a step", "plain copies")),
    "quantised": (quantised.main, ("Q8_0", "Q4_K", "plain weights")),
    "loading": (loading.main, ("cold", "warm", "peak memory")),
    "caches": (caches.main, ("threshold 0.05", "6 steps")),
    "growth": (growth.main, ("resident memory", "memory of the device afterwards")),
    "ways": (ways.main, ("attention, Flux", "LoRA of rank 16 on Q4_K", "blocks compiled", "channels first")),
}


def test_every_part_of_the_table_is_tried() -> None:
    assert tuple(PARTS) == everything.PARTS


@pytest.mark.parametrize("name", PARTS)
def test_each_part_runs_through_and_writes_its_rows(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main, wanted = PARTS[name]
    out = tmp_path / "rows.jsonl"
    torch._dynamo.reset()
    main(["--dry", "--out", str(out)])
    torch._dynamo.reset()
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    printed = capsys.readouterr().out
    assert all(row["found"] and row["is_reached"] is None and row["what"] in printed for row in rows)
    for text in wanted:
        assert any(text in row["what"] for row in rows), text


def test_without_a_device_the_measurements_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as ended:
        copying.main([])
    assert ended.value.code == 2


def test_a_part_that_fails_does_not_hide_what_others_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(name: str, out: Path, dry: bool, seconds: float) -> str:
        if name == "steps":
            Bench(torch.device("cpu"), False, 1, out).tell("a step", "1 ms", "<= 2 ms", True)
        return "" if name == "steps" else "ended with 1"

    monkeypatch.setattr(everything, "run_part", found)
    assert everything.main(["--only", "steps,copying"]) == 1
    told = capsys.readouterr()
    assert "| a step | 1 ms | <= 2 ms | reached |" in told.out
    assert "copying ended with 1" in told.err


def test_twins_share_their_weights() -> None:
    subject = subjects.flux(True)
    network = subject.network(torch.float32)
    twin = subjects.twin(network, subject.build)
    given = subject.inputs(subject.pixels)
    assert torch.equal(network(*given), twin(*given))
    assert network.get_parameter("out.weight").data_ptr() == twin.get_parameter("out.weight").data_ptr()
    assert given[0].shape == network(*given).shape
