"""The command that writes models with fewer bits says what it wrote, or why it did not."""

import logging
from pathlib import Path

import pytest
import torch

import main
from executor.quantise import run
from loaders.checkpoint import open_diffusion
from models.packed.tensor import Packed
from tests.fixtures.checkpoints import tiny_checkpoint


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    return tiny_checkpoint(tmp_path / "tiny.safetensors")


def test_a_model_is_written_beside_the_one_it_comes_from(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["quantise", str(model), "--to", "q5_k"]) == 0
    made = model.with_name("tiny-Q5_K.gguf")
    assert capsys.readouterr().out.startswith(f"{made}: Stable Diffusion 1.x, ")
    network = open_diffusion(made).base.network
    kinds = {p.format.name for p in network.parameters() if isinstance(p, Packed)}
    assert kinds == {"Q5_K"}
    assert main.main(["quantise", str(model), "--to", "Q5_K"]) == 2
    assert "is there already" in capsys.readouterr().err


def test_problems_are_said_in_a_sentence(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main.main(["quantise", str(model), "--to", "Q9"])
    assert "invalid choice: 'Q9'" in capsys.readouterr().err
    assert run(model, tmp_path / "no" / "x.gguf", "Q8_0") == 1
    assert "No such file or directory" in capsys.readouterr().err
    (tmp_path / "broken.gguf").write_bytes(b"GGUF")
    assert run(tmp_path / "broken.gguf", None, "Q8_0") == 1
    assert "cut off" in capsys.readouterr().err

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("executor.quantise.quantise", interrupted)
    assert run(model, tmp_path / "y.gguf", "Q8_0") == 130
    assert not (tmp_path / "y.gguf").exists()


def test_the_bundled_model_loses_little(tmp_path: Path) -> None:
    source = Path(main.ROOT) / "assets" / "models" / "checkpoints" / "sfumato-shapes.safetensors"
    assert run(source, tmp_path / "x.gguf", "Q8_0") == 0
    dense, few = open_diffusion(source).base.network, open_diffusion(tmp_path / "x.gguf").base.network
    for (name, wanted), (_, made) in zip(dense.named_parameters(), few.named_parameters(), strict=True):
        assert torch.linalg.norm(made.detach() * 1.0 - wanted) <= 0.01 * torch.linalg.norm(wanted), name
