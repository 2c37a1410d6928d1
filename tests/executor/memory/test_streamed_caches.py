"""Step caches over streamed weights: the same bits, and what is left out is not fetched."""

import pytest
import torch
from torch import Tensor

from models.adapters.attention_broadcast import AttentionBroadcast
from models.adapters.faster_cache import FasterCache
from models.adapters.first_block_cache import FirstBlockCache
from models.adapters.mag_cache import MagCache
from models.adapters.patch import Patch, Patched, applied
from models.adapters.taylor_seer import TaylorSeer
from models.call import Call, Run, calling
from tests.fixtures.streaming import Holder, bounded, drawn, unet, weight_bytes

LEVELS = (8.0, 6.0, 4.0, 2.0, 1.0, 0.0)
CACHES: dict[str, Patch] = {
    "first block": FirstBlockCache(9.0),
    "lite": TaylorSeer(3, 1),
    "taylor": TaylorSeer(3, 1, is_lite=False),
    "magnitude": MagCache((1.0,), retention=0.1),
    "broadcast": AttentionBroadcast(2, 3),
    "faster": FasterCache(3, 2),
}


pytestmark = pytest.mark.usefixtures("tiny_leaves")


def sampled(holder: Holder) -> list[Tensor]:
    run, given = Run(), []
    for sigma in LEVELS[:-1]:
        with calling(Call(sigma, ("negative", "positive"), 1, 8, 8, LEVELS, run)):
            x = drawn(1, 4, 8, 8).repeat(2, 1, 1, 1) + sigma * 0.02
            given.append(holder.network(x, torch.full((2,), 90.0 * sigma), drawn(2, 7, 64, seed=2)))
    return given


@pytest.mark.parametrize("name", CACHES)
def test_a_cache_over_streamed_weights_gives_the_same_bits(name: str) -> None:
    patched = Patched(Holder(unet()), (CACHES[name],))
    with applied(patched) as holder:
        expected = sampled(holder)
    residency, _ = bounded(0.4 * weight_bytes(patched.base.network))
    for _ in range(2):
        with residency.borrow(patched, 0) as holder:
            assert all(map(torch.equal, sampled(holder), expected))


def test_weights_of_blocks_that_are_left_out_do_not_cross_the_border() -> None:
    network = unet()
    crossed = []
    for patches in ((), (CACHES["magnitude"],)):
        residency, tier = bounded(0.4 * weight_bytes(network))
        with residency.borrow(Patched(Holder(network), patches), 0) as holder:
            sampled(holder)
        crossed.append(tier.crossed_bytes)
        residency.free()
    assert crossed[1] < 0.7 * crossed[0]
