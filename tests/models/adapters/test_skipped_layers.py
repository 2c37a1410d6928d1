"""Does a UNet without some of its transformer blocks give what that of diffusers gives without them?"""

import re
from contextlib import ExitStack

import pytest
import torch
from torch import Tensor, nn

from models.adapters.skipped_layers import SkippedLayers, layers_at
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from tests.fixtures.tiny_transformer import TinyTransformer
from tests.oracle.diffusers_names import worst_ratio
from tests.oracle.tiny_unet import OURS, tiny_unets

WIDTH = 24
CONFIG = UNetConfig(**OURS, context_width=WIDTH, middle_depth=2)
GENERATOR = torch.Generator().manual_seed(8)
X = torch.randn(2, 4, 8, 8, generator=GENERATOR)
CONTEXT = torch.randn(2, 7, WIDTH, generator=GENERATOR)
TIMES = torch.full((2,), 300.0)


def run(network: nn.Module, places: str) -> Tensor:
    with torch.no_grad(), ExitStack() as undo:
        if places:
            SkippedLayers(layers_at(network, places)).install(network, undo)
        output: Tensor = network(X, TIMES, CONTEXT)
    return output


@pytest.mark.parametrize(
    ("places", "theirs"),
    [
        ("middle", {"mid_block.attentions.0": [0]}),
        ("input.4", {"down_blocks.1.attentions.0": [0]}),
        ("output.2.0, input.5", {"up_blocks.0.attentions.2": [0], "down_blocks.1.attentions.1": [0]}),
    ],
)
def test_the_rest_computes_what_that_of_diffusers_computes(places: str, theirs: dict[str, list[int]]) -> None:
    hooks = pytest.importorskip("diffusers.hooks")
    config = UNetConfig(**OURS, context_width=WIDTH)
    ours, oracle = tiny_unets(config, cross_attention_dim=WIDTH, attention_head_dim=8)
    for name, indices in theirs.items():
        skip = hooks.LayerSkipConfig(indices, fqn=f"{name}.transformer_blocks")
        hooks.apply_layer_skip(oracle, skip)
    with torch.no_grad():
        expected = oracle(X, TIMES, CONTEXT, return_dict=False)[0]
    assert worst_ratio(run(ours, places), expected) <= 5e-5
    assert worst_ratio(run(ours, ""), expected) > 1e-3


def test_a_place_stands_for_all_its_blocks_and_a_number_for_one() -> None:
    network = UNet(CONFIG)
    both = tuple(f"middle_block.1.transformer_blocks.{index}" for index in (0, 1))
    assert layers_at(network, "middle") == both
    assert layers_at(network, "middle.1") == both[1:]
    assert layers_at(network, " middle.1 ,middle") == both[::-1]


@pytest.mark.parametrize("places", ["middle.2", "input.1", "middle.x", "output", "middle_block"])
def test_an_unknown_place_is_refused_with_those_there_are(places: str) -> None:
    expected = re.escape(
        f"UNet has no transformer blocks at '{places}'; there are input.4 (1), input.5 (1), "
    )
    with pytest.raises(ValueError, match=expected):
        layers_at(UNet(CONFIG), places)


def test_no_place_and_a_network_without_named_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("no transformer blocks are named; there are input.4")):
        layers_at(UNet(CONFIG), " , ")
    with pytest.raises(ValueError, match="TinyTransformer names no transformer blocks"):
        layers_at(TinyTransformer(), "middle")
