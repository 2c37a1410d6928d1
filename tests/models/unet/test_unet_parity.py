"""Checks the UNet number by number against diffusers on redrawn weights."""

import pytest
import torch

from models.unet.config import UNetConfig
from models.unet.unet import UNet
from tests.oracle.diffusers_names import worst_ratio
from tests.oracle.tiny_unet import OURS, tiny_unets

pytest.importorskip("diffusers")


def compare(oracle_options: dict, config: UNetConfig, size: tuple[int, int] = (16, 16)) -> float:
    ours, oracle = tiny_unets(config, **oracle_options)
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(2, config.in_channels, *size, generator=generator)
    context = torch.randn(2, 77, config.context_width, generator=generator)
    t = torch.tensor([981.0, 3.0])
    with torch.no_grad():
        expected = oracle(x, t, encoder_hidden_states=context).sample
        return worst_ratio(ours(x, t, context), expected)


def test_the_sd1_unet_agrees_with_the_oracle() -> None:
    config = UNetConfig(**OURS, context_width=32)
    assert compare({"cross_attention_dim": 32, "attention_head_dim": 8}, config) <= 5e-5


def test_odd_latent_sizes_agree_with_the_oracle() -> None:
    config = UNetConfig(**OURS, context_width=32)
    assert compare({"cross_attention_dim": 32, "attention_head_dim": 8}, config, size=(15, 9)) <= 5e-5


def test_a_nine_channel_inpainting_unet_agrees_with_the_oracle() -> None:
    config = UNetConfig(**OURS, in_channels=9, context_width=32)
    options = {"cross_attention_dim": 32, "attention_head_dim": 8, "in_channels": 9}
    assert compare(options, config) <= 5e-5


def test_the_sd2_unet_with_linear_projections_agrees_with_the_oracle() -> None:
    config = UNetConfig(
        **OURS,
        context_width=32,
        heads=None,
        head_width=16,
        linear_projections=True,
    )
    options = {
        "cross_attention_dim": 32,
        "attention_head_dim": (2, 4),
        "use_linear_projection": True,
    }
    assert compare(options, config) <= 5e-5


def test_a_vector_condition_is_demanded_where_the_network_has_one() -> None:
    config = UNetConfig(**OURS, context_width=32, vector_width=16)
    with pytest.raises(ValueError, match="vector condition of width 16"):
        UNet(config)(torch.zeros(1, 4, 8, 8), torch.zeros(1), torch.zeros(1, 77, 32))


def test_depths_that_contradict_the_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="3 up, not 2"):
        UNetConfig(multipliers=(1, 2), input_depths=((0, 0), (1, 1)), output_depths=((0, 0), (1, 1, 1)))
