"""The networks, against the papers' equations written with plain functions."""

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from models.upscale.compact import Compact, CompactConfig
from models.upscale.esrgan import Esrgan, EsrganConfig


def filled(network: torch.nn.Module) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data = 0.2 * torch.randn(parameter.shape, generator=generator)
    return dict(network.state_dict())


def esrgan(state: dict[str, Tensor], x: Tensor, blocks: int, ups: int, folding: int) -> Tensor:
    def conv(name: str, value: Tensor) -> Tensor:
        return functional.conv2d(value, state[f"{name}.weight"], state[f"{name}.bias"], padding=1)

    def lrelu(value: Tensor) -> Tensor:
        return torch.where(value > 0, value, 0.2 * value)

    def dense(name: str, x0: Tensor) -> Tensor:
        x1 = lrelu(conv(f"{name}.conv1", x0))
        x2 = lrelu(conv(f"{name}.conv2", torch.cat((x0, x1), 1)))
        x3 = lrelu(conv(f"{name}.conv3", torch.cat((x0, x1, x2), 1)))
        x4 = lrelu(conv(f"{name}.conv4", torch.cat((x0, x1, x2, x3), 1)))
        return conv(f"{name}.conv5", torch.cat((x0, x1, x2, x3, x4), 1)) * 0.2 + x0

    batch, channels, height, width = x.shape
    cells = x.reshape(batch, channels, height // folding, folding, width // folding, folding)
    x = cells.permute(0, 1, 3, 5, 2, 4).reshape(batch, -1, height // folding, width // folding)
    first = conv("conv_first", x)
    trunk = first
    for index in range(blocks):
        inner = trunk
        for part in (1, 2, 3):
            inner = dense(f"body.{index}.rdb{part}", inner)
        trunk = inner * 0.2 + trunk
    x = first + conv("conv_body", trunk)
    for index in range(ups):
        x = lrelu(conv(f"conv_up{index + 1}", x.repeat_interleave(2, 2).repeat_interleave(2, 3)))
    return conv("conv_last", lrelu(conv("conv_hr", x)))


@pytest.mark.parametrize(("doublings", "folding"), [(2, 1), (1, 1), (0, 1), (2, 2), (2, 4), (3, 1)])
@torch.no_grad()
def test_esrgan_is_the_papers(doublings: int, folding: int) -> None:
    config = EsrganConfig(features=6, growth=4, blocks=2, doublings=doublings, folding=folding)
    network = Esrgan(config)
    state = filled(network)
    pictures = torch.rand(2, 3, 8, 12, generator=torch.Generator().manual_seed(1))
    expected = esrgan(state, pictures, 2, doublings, folding)
    made = network(pictures)
    assert made.shape == (2, 3, 8 * config.scale, 12 * config.scale)
    torch.testing.assert_close(made, expected, atol=1e-5 * expected.abs().max().item(), rtol=0)


@torch.no_grad()
def test_sides_that_do_not_fold_are_filled_and_cut() -> None:
    network = Esrgan(EsrganConfig(features=4, growth=2, blocks=1, folding=2))
    state = filled(network)
    pictures = torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(1))
    made = network(pictures)
    assert made.shape == (1, 3, 10, 14)
    edged = torch.cat((pictures, pictures[..., -1:]), dim=-1)
    edged = torch.cat((edged, edged[..., -1:, :]), dim=-2)
    torch.testing.assert_close(made, esrgan(state, edged, 1, 2, 2)[..., :10, :14], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@torch.no_grad()
def test_the_compact_network_adds_details_to_large_pixels(scale: int) -> None:
    network = Compact(CompactConfig(features=5, layers=2, scale=scale))
    state = filled(network)
    pictures = torch.rand(2, 3, 6, 7, generator=torch.Generator().manual_seed(1))
    x = pictures
    for index in range(0, 7, 2):
        x = functional.conv2d(x, state[f"body.{index}.weight"], state[f"body.{index}.bias"], padding=1)
        if index < 6:
            slope = state[f"body.{index + 1}.weight"][:, None, None]
            x = torch.where(x > 0, x, slope * x)
    details = (
        x.reshape(2, 3, scale, scale, 6, 7).permute(0, 1, 4, 2, 5, 3).reshape(2, 3, 6 * scale, 7 * scale)
    )
    large = pictures.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    torch.testing.assert_close(network(pictures), details + large)
