"""Does a UNet do with what control networks say what diffusers' does?"""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from models.control.controlnet import ControlNet, ControlNetConfig
from models.control.residuals import ControlResiduals, summed
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from tests.oracle.control_names import controlnet_state
from tests.oracle.diffusers_names import redraw, unet_state, worst_ratio

diffusers = pytest.importorskip("diffusers")
CONFIG = UNetConfig(
    channels=32,
    multipliers=(1, 2),
    input_depths=((0, 0), (1, 1)),
    output_depths=((0, 0, 0), (1, 1, 1)),
    context_width=32,
)
SIZES = {
    "in_channels": 4,
    "block_out_channels": (32, 64),
    "layers_per_block": 2,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "cross_attention_dim": 32,
    "attention_head_dim": 8,
}


@pytest.fixture(scope="module")
def pair() -> tuple[Any, UNet]:
    up = ("CrossAttnUpBlock2D", "UpBlock2D")
    oracle = redraw(diffusers.UNet2DConditionModel(**SIZES, out_channels=4, up_block_types=up))
    ours = UNet(CONFIG).eval()
    ours.load_state_dict(unet_state(oracle.state_dict(), blocks=2))
    return oracle, ours


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


X, T, CONTEXT = drawn(2, 4, 9, 6), torch.tensor([981.0, 3.0]), drawn(2, 7, 32, seed=1)


@torch.no_grad()
def test_a_unet_under_two_controlnets_agrees_with_the_oracle(pair: tuple[Any, UNet]) -> None:
    oracle, ours = pair
    hint = drawn(2, 3, 72, 48, seed=2)
    down, middle, said = None, None, []
    for seed, strength in ((3, 0.8), (4, 1.5)):
        theirs = redraw(diffusers.ControlNetModel(**SIZES), seed)
        more, more_middle = theirs(X, T, CONTEXT, hint, conditioning_scale=strength, return_dict=False)
        down = more if down is None else [a + b for a, b in zip(down, more, strict=True)]
        middle = more_middle if middle is None else middle + more_middle
        network = ControlNet(ControlNetConfig(CONFIG)).eval()
        network.load_state_dict(controlnet_state(theirs.state_dict(), 2))
        residuals = network(X, T, CONTEXT, None, network.encode_hint(hint))
        said.append(residuals.each(lambda part, strength=strength: part * strength))
    expected = oracle(
        X, T, CONTEXT, down_block_additional_residuals=down, mid_block_additional_residual=middle
    ).sample
    got = ours(X, T, CONTEXT, control=summed(said))
    assert worst_ratio(got, expected) <= 5e-5
    assert worst_ratio(ours(X, T, CONTEXT), expected) > 1e-2


@torch.no_grad()
def test_a_unet_under_an_adapter_agrees_with_the_oracle() -> None:
    # In the oracle a level without attention must be the last, or it adds after shrinking.
    depths = {"input_depths": ((1, 1), (0, 0)), "output_depths": ((1, 1, 1), (0, 0, 0))}
    sizes = {**SIZES, "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"), "out_channels": 4}
    up = ("UpBlock2D", "CrossAttnUpBlock2D")
    oracle = redraw(diffusers.UNet2DConditionModel(**sizes, up_block_types=up))
    ours = UNet(replace(CONFIG, **depths)).eval()
    ours.load_state_dict(unet_state(oracle.state_dict(), blocks=2))
    maps = [drawn(2, 32, 9, 6, seed=5), drawn(2, 64, 5, 3, seed=6)]
    added = {"down_intrablock_additional_residuals": [part.clone() for part in maps]}
    expected = oracle(X, T, CONTEXT, **added).sample
    control = ControlResiduals(input=(None, None, maps[0], None, None, maps[1]))
    assert worst_ratio(ours(X, T, CONTEXT, control=control), expected) <= 5e-5


@torch.no_grad()
def test_what_has_another_size_is_left_out_with_a_warning(
    pair: tuple[Any, UNet], caplog: pytest.LogCaptureFixture
) -> None:
    ours = pair[1]
    control = ControlResiduals(middle=drawn(2, 64, 4, 4), output=(drawn(2, 64, 3, 3),))
    for _ in range(2):
        assert torch.equal(ours(X, T, CONTEXT, control=control), ours(X, T, CONTEXT))
    assert len(caplog.messages) == 2
    assert "(64, 4, 4) is left out" in caplog.text
