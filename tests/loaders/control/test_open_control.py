"""Are control networks known by what is in a file, and what is none refused with reasons?"""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.control.open import open_control
from loaders.errors import BrokenFile, UnknownFormat
from models.control.control_lora import ControlLora
from models.control.controlnet import ControlNet, ControlNetConfig
from models.control.t2i_adapter import AdapterConfig, T2IAdapter
from models.unet.unet import UNet
from tests.fixtures.checkpoints import TINY_UNET, redrawn

SIZES = ControlNetConfig(TINY_UNET)


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in redrawn(ControlNet(SIZES), 1).state_dict().items()}


def written(path: Path, state: dict[str, Tensor]) -> Path:
    save_file(state, path)
    return path


def test_a_pickle_of_old_is_opened_like_a_safetensors_file(state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "control_shuffle.pth"
    torch.save({"state_dict": {f"control_model.{name}": tensor for name, tensor in state.items()}}, path)
    model = open_control(path).base
    assert isinstance(model.network, ControlNet)
    assert model.network.sizes.hint_widths == SIZES.hint_widths
    assert all(torch.equal(model.network.state_dict()[name], tensor) for name, tensor in state.items())
    assert model.pools
    assert not open_control(written(tmp_path / "shuffled.safetensors", state)).base.pools


def test_a_difference_is_added_to_the_network_it_steers(state: dict[str, Tensor], tmp_path: Path) -> None:
    tensors = {
        **{f"control_model.{name}": tensor for name, tensor in state.items()},
        "difference": torch.ones(1),
    }
    path = written(tmp_path / "difference.safetensors", tensors)
    base = redrawn(UNet(TINY_UNET), 2)
    opened = open_control(path, base).base.network.state_dict()
    shared = base.state_dict()
    assert sum(name in shared for name in opened) > 50
    for name, tensor in state.items():
        expected = tensor + shared[name] if name in shared else tensor
        assert torch.equal(opened[name], expected), name
    with pytest.raises(BrokenFile, match="diff"):
        open_control(path)


def test_a_control_lora_keeps_only_what_is_its_own(state: dict[str, Tensor], tmp_path: Path) -> None:
    own = {
        name: tensor
        for name, tensor in state.items()
        if name.startswith(("zero", "input_hint", "middle_block_out"))
    }
    own |= {"time_embed.0.up": torch.ones(128, 2), "time_embed.0.down": torch.ones(2, 32)}
    path = written(tmp_path / "lora.safetensors", {**own, "lora_controlnet": torch.zeros(0)})
    network = open_control(path).base.network
    assert isinstance(network, ControlLora)
    assert sorted(network.names) == sorted(own)
    assert isinstance(network.over(UNet(TINY_UNET)), ControlNet)
    del own["time_embed.0.down"]
    path = written(tmp_path / "torn.safetensors", {**own, "lora_controlnet": torch.zeros(0)})
    with pytest.raises(BrokenFile, match=r"time_embed\.0\.up has no partner"):
        open_control(path)


@pytest.mark.parametrize(
    "sizes",
    [
        AdapterConfig(channels=(8, 16, 32, 32)),
        AdapterConfig(channels=(8, 16, 32, 32), kernel=3, strided=True, hint_channels=1),
        AdapterConfig(kind="xl", channels=(8, 16, 32, 32), hint_channels=1),
        AdapterConfig(kind="light", channels=(8, 16, 32, 32), blocks=4),
    ],
    ids=["full", "strided", "xl", "light"],
)
def test_the_sizes_of_an_adapter_come_from_its_shapes(sizes: AdapterConfig, tmp_path: Path) -> None:
    path = tmp_path / "adapter.pth"
    torch.save(redrawn(T2IAdapter(sizes), 3).state_dict(), path)
    network = open_control(path).base.network
    assert isinstance(network, T2IAdapter)
    assert network.sizes == sizes


def test_what_is_no_control_network_is_refused_with_what_each_kind_misses(tmp_path: Path) -> None:
    path = written(tmp_path / "other.safetensors", {"strange.weight": torch.zeros(1)})
    with pytest.raises(UnknownFormat) as refused:
        open_control(path)
    text = str(refused.value)
    assert all(word in text for word in ("ControlNet", "T2I-Adapter", "Control-LoRA", "strange.weight"))
