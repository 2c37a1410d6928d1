"""Upscale models from files in every maker's names, and the node that runs them in tiles."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.errors import BrokenFile, UnknownFormat
from loaders.upscale import open_upscale_model
from models.upscale.compact import Compact, CompactConfig
from models.upscale.esrgan import Esrgan, EsrganConfig
from nodes.image import upscale as node
from nodes.loading.upscale import load_upscale_model

SMALL = EsrganConfig(features=4, growth=2, blocks=2)
IMAGE = torch.rand(1, 10, 12, 3, generator=torch.Generator().manual_seed(0))


def tiny(config: EsrganConfig = SMALL) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    state = Esrgan(config).state_dict()
    return {name: 0.2 * torch.randn(value.shape, generator=generator) for name, value in state.items()}


def older(state: dict[str, Tensor]) -> dict[str, Tensor]:
    names = {"conv_body": "trunk_conv", "conv_up1": "upconv1", "conv_up2": "upconv2", "conv_hr": "HRconv"}
    found = {}
    for name, value in state.items():
        head, _, rest = name.partition(".")
        new = (
            f"RRDB_trunk.{rest.replace('rdb', 'RDB')}"
            if head == "body"
            else f"{names.get(head, head)}.{rest}"
        )
        found[new] = value
    return found


def oldest(state: dict[str, Tensor]) -> dict[str, Tensor]:
    names = {
        "conv_first": "0",
        "conv_body": "1.sub.2",
        "conv_up1": "3",
        "conv_up2": "6",
        "conv_hr": "8",
        "conv_last": "10",
    }
    found = {}
    for name, value in state.items():
        head, _, rest = name.partition(".")
        if head == "body":
            index, block, convolution, kind = rest.split(".")
            found[f"model.1.sub.{index}.{block.upper()}.{convolution}.0.{kind}"] = value
        else:
            found[f"model.{names[head]}.{rest}"] = value
    return found


@pytest.mark.parametrize(
    "dialect",
    [
        lambda state: state,
        older,
        oldest,
        lambda state: {f"module.{name}": value for name, value in state.items()},
    ],
    ids=["real", "older", "oldest", "parallel"],
)
def test_every_makers_names_open(
    tmp_path: Path, dialect: Callable[[dict[str, Tensor]], dict[str, Tensor]]
) -> None:
    state = tiny()
    save_file(dialect(state), tmp_path / "x.safetensors")
    model = open_upscale_model(tmp_path / "x.safetensors").base
    assert (model.scale, model.channels, model.name) == (4, 3, "x.safetensors")
    assert model.network.config == SMALL
    assert all(torch.equal(model.network.state_dict()[name], value) for name, value in state.items())


def test_averaged_weights_are_preferred(tmp_path: Path) -> None:
    config = EsrganConfig(features=4, growth=2, blocks=1, folding=2)
    state = tiny(config)
    both = {f"params.{name}": value + 1 for name, value in state.items()}
    both |= {f"params_ema.{name}": value for name, value in state.items()}
    save_file(both, tmp_path / "x.safetensors")
    model = open_upscale_model(tmp_path / "x.safetensors").base
    assert model.network.config == config
    assert model.scale == 2
    assert torch.equal(model.network.conv_first.weight, state["conv_first.weight"])


def test_compact_networks_open(tmp_path: Path) -> None:
    config = CompactConfig(features=5, layers=3, scale=3)
    state = Compact(config).state_dict()
    torch.save({"params": {name: value.half() for name, value in state.items()}}, tmp_path / "x.pth")
    model = open_upscale_model(tmp_path / "x.pth").base
    assert model.network.config == config
    assert model.network.body[0].weight.dtype == torch.float32


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"layers.0.weight": torch.zeros(1)}, path)
    with pytest.raises(UnknownFormat, match=r"x\.safetensors is not an upscale model of a known kind"):
        open_upscale_model(path)
    state = tiny()
    save_file(state | {"body.0.rdb1.conv1x1.weight": torch.zeros(1)}, path)
    with pytest.raises(BrokenFile, match=r"no known kind has: body\.0\.rdb1\.conv1x1\.weight"):
        open_upscale_model(path)
    del state["conv_hr.bias"]
    save_file(state, path)
    with pytest.raises(BrokenFile, match=r"conv_hr\.bias"):
        open_upscale_model(path)


def test_a_picture_becomes_four_times_as_wide(ctx, tmp_path: Path) -> None:
    save_file(tiny(), tmp_path / "models" / "upscale_models" / "x.safetensors")
    model = load_upscale_model(ctx, "x.safetensors")
    alpha = torch.cat((IMAGE, IMAGE[..., :1]), dim=-1)
    made = node.upscale(ctx, model, alpha)
    assert made.shape == (1, 40, 48, 3)
    with torch.no_grad():
        expected = model.base.network(IMAGE.movedim(-1, 1)).movedim(1, -1).clamp(0, 1)
    torch.testing.assert_close(made, expected)
    assert not made.is_inference()


class Doubling(torch.nn.Module):
    """Repeats pixels; refuses what is larger than it can hold."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.one = torch.nn.Parameter(torch.ones(()))
        self.most = most
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        if max(x.shape[-2:]) > self.most:
            raise torch.OutOfMemoryError("too large")
        self.seen.append(tuple(x.shape[-2:]))
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3) * self.one


def doubling(most: int) -> tuple[node.Network, Doubling]:
    network = Doubling(most)
    return node.Network(network, 2, 3, "doubling"), network


def test_tiles_leave_no_seam_and_are_halved_where_memory_is_short(ctx) -> None:
    from models.adapters.patch import Patched

    image = torch.rand(2, 300, 520, 3, generator=torch.Generator().manual_seed(2))
    model, network = doubling(256)
    made = node.upscale(ctx, Patched(model), image)
    expected = image.repeat_interleave(2, 1).repeat_interleave(2, 2)
    torch.testing.assert_close(made, expected, atol=1e-6, rtol=0)
    assert max(max(shape) for shape in network.seen) == 256
    assert len(network.seen) == 2 * node.tile_count(300, 256) * node.tile_count(520, 256) == 2 * 2 * 3


def test_memory_that_does_not_do_for_the_smallest_tile_is_said(ctx) -> None:
    from models.adapters.patch import Patched

    model, _ = doubling(64)
    with pytest.raises(torch.OutOfMemoryError):
        node.upscale(ctx, Patched(model), torch.zeros(1, 200, 200, 3))
