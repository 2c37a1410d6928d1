"""Are upscale models of other makers opened by spandrel where it is installed, and is that said where not?

A small module with spandrel's interface stands for it.
"""

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from loaders.errors import BrokenFile, UnknownFormat
from loaders.upscale import open_upscale_model

SWIN = ("conv_first.weight", "layers.0.residual_group.blocks.0.norm1.weight")


class Descriptor:
    """What spandrel says of a network; calling it fits pictures to the network."""

    def __init__(self, channels: tuple[int, int] = (3, 3)) -> None:
        self.model = nn.Linear(1, 1).double()
        self.architecture = SimpleNamespace(name="SwinIR")
        self.input_channels, self.output_channels = channels
        self.scale = 2

    def __call__(self, x: Tensor) -> Tensor:
        return x.repeat_interleave(2, -1).repeat_interleave(2, -2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    save_file({name: torch.zeros(1) for name in SWIN}, tmp_path / "swin.safetensors")
    return tmp_path / "swin.safetensors"


def install(patch: pytest.MonkeyPatch, answer: Descriptor | Exception) -> list[dict[str, Tensor]]:
    asked: list[dict[str, Tensor]] = []

    class Loader:
        def load_from_state_dict(self, tensors: dict[str, Tensor]) -> Descriptor:
            asked.append(tensors)
            if isinstance(answer, Exception):
                raise answer
            return answer

    module: Any = ModuleType("spandrel")
    module.__spec__ = ModuleSpec("spandrel", None)
    module.ModelLoader, module.ImageModelDescriptor = Loader, Descriptor
    module.UnsupportedModelError = KeyError
    patch.setitem(sys.modules, "spandrel", module)
    return asked


def test_a_network_of_spandrel_enlarges_as_ours_do(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = install(monkeypatch, Descriptor())
    opened = open_upscale_model(file).base
    assert list(asked[0]) == list(SWIN)
    assert (opened.scale, opened.channels, opened.name) == (2, 3, "swin.safetensors")
    assert {parameter.dtype for parameter in opened.network.parameters()} == {torch.float32}
    assert opened.network(torch.zeros(1, 3, 4, 5)).shape == (1, 3, 8, 10)


def test_what_does_not_make_a_picture_of_a_picture_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, Descriptor((4, 3)))
    with pytest.raises(BrokenFile, match="it is SwinIR, which does not make one picture of another"):
        open_upscale_model(file)


def test_what_spandrel_does_not_know_is_refused_as_unknown(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, KeyError())
    with pytest.raises(UnknownFormat, match="does not know it either"):
        open_upscale_model(file)


def test_without_spandrel_its_name_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(UnknownFormat, match=r"SwinIR.*pip install -r requirements-upscale\.txt"):
        open_upscale_model(file)
