"""A tiny UNet of diffusers, and ours with the same weights."""

from typing import Any

from torch import nn

from models.unet.config import UNetConfig
from models.unet.unet import UNet
from tests.oracle.diffusers_names import redraw, unet_state

SIZES: dict[str, Any] = {
    "sample_size": 32,
    "block_out_channels": (32, 64),
    "layers_per_block": 2,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
}
OURS: dict[str, Any] = {
    "channels": 32,
    "multipliers": (1, 2),
    "input_depths": ((0, 0), (1, 1)),
    "output_depths": ((0, 0, 0), (1, 1, 1)),
}


def tiny_unets(config: UNetConfig, **options: Any) -> tuple[UNet, nn.Module]:
    """Ours by a configuration that begins with `OURS`, and the oracle's by options that go with it."""
    import diffusers

    oracle = redraw(diffusers.UNet2DConditionModel(**SIZES, **options))
    ours = UNet(config).eval()
    ours.load_state_dict(unet_state(oracle.state_dict(), blocks=2), strict=True)
    return ours, oracle
