"""Checks the UNet number by number against diffusers on redrawn weights."""

import pytest
import torch

from models.unet.config import UNetConfig
from models.unet.unet import UNet
from tests.oracle.diffusers_names import redraw, unet_state, worst_ratio

diffusers = pytest.importorskip("diffusers")

TINY = {
    "sample_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (32, 64),
    "layers_per_block": 2,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
}
DEPTHS = {"input_depths": ((0, 0), (1, 1)), "output_depths": ((0, 0, 0), (1, 1, 1))}


def compare(oracle_options: dict, config: UNetConfig, size: tuple[int, int] = (16, 16)) -> float:
    oracle = redraw(diffusers.UNet2DConditionModel(**{**TINY, **oracle_options}))
    ours = UNet(config).eval()
    ours.load_state_dict(unet_state(oracle.state_dict(), blocks=2), strict=True)
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(2, config.in_channels, *size, generator=generator)
    context = torch.randn(2, 77, config.context_width, generator=generator)
    t = torch.tensor([981.0, 3.0])
    with torch.no_grad():
        expected = oracle(x, t, encoder_hidden_states=context).sample
        return worst_ratio(ours(x, t, context), expected)


def test_the_sd1_unet_agrees_with_the_oracle() -> None:
    config = UNetConfig(channels=32, multipliers=(1, 2), context_width=32, **DEPTHS)
    assert compare({"cross_attention_dim": 32, "attention_head_dim": 8}, config) <= 5e-5


def test_odd_latent_sizes_agree_with_the_oracle() -> None:
    config = UNetConfig(channels=32, multipliers=(1, 2), context_width=32, **DEPTHS)
    assert compare({"cross_attention_dim": 32, "attention_head_dim": 8}, config, size=(15, 9)) <= 5e-5


def test_a_nine_channel_inpainting_unet_agrees_with_the_oracle() -> None:
    config = UNetConfig(in_channels=9, channels=32, multipliers=(1, 2), context_width=32, **DEPTHS)
    options = {"cross_attention_dim": 32, "attention_head_dim": 8, "in_channels": 9}
    assert compare(options, config) <= 5e-5


def test_the_sd2_unet_with_linear_projections_agrees_with_the_oracle() -> None:
    config = UNetConfig(
        channels=32,
        multipliers=(1, 2),
        context_width=32,
        heads=None,
        head_width=16,
        linear_projections=True,
        **DEPTHS,
    )
    options = {
        "cross_attention_dim": 32,
        "attention_head_dim": (2, 4),
        "use_linear_projection": True,
    }
    assert compare(options, config) <= 5e-5


def test_a_vector_condition_is_demanded_where_the_network_has_one() -> None:
    config = UNetConfig(channels=32, multipliers=(1, 2), context_width=32, vector_width=16, **DEPTHS)
    with pytest.raises(ValueError, match="vector condition of width 16"):
        UNet(config)(torch.zeros(1, 4, 8, 8), torch.zeros(1), torch.zeros(1, 77, 32))


def test_depths_that_contradict_the_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="3 up, not 2"):
        UNetConfig(multipliers=(1, 2), input_depths=((0, 0), (1, 1)), output_depths=((0, 0), (1, 1, 1)))
