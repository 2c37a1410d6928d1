"""What step caches keep is in the plan before the first run, to the size of what they really keep."""

import pytest
import torch
from torch import Tensor, nn

from executor.memory.estimate import MARGIN, Estimates, count
from executor.memory.live import LiveBytes
from executor.worker.device_memory import DeviceMemory
from models.adapters.attention_broadcast import AttentionBroadcast
from models.adapters.deep_cache import DeepCache
from models.adapters.faster_cache import FasterCache
from models.adapters.first_block_cache import FirstBlockCache
from models.adapters.mag_cache import MagCache
from models.adapters.patch import Patch, Patched, applied
from models.adapters.step_memory import remembered_by
from models.adapters.taylor_seer import TaylorSeer
from models.call import Call, Run, calling
from tests.fixtures.streaming import Holder, drawn, unet, weight_bytes

LEVELS = (8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 0.0)
SIDE = 32
SHAPE = (2, 4, SIDE, SIDE)
CACHES: dict[str, Patch] = {
    "first block": FirstBlockCache(9.0),
    "lite": TaylorSeer(3, 1),
    "taylor": TaylorSeer(3, 1, 2, is_lite=False),
    "magnitude": MagCache((1.0,), retention=0.1),
    "broadcast": AttentionBroadcast(2, 3),
    "faster": FasterCache(3, 2),
    "deep": DeepCache(2, 0, 9.0, 0.0),
}

pytestmark = pytest.mark.usefixtures("tiny_leaves")


def sample(network: nn.Module, x: Tensor, context: Tensor) -> None:
    run = Run()
    for sigma in LEVELS[:-1]:
        with calling(Call(sigma, ("negative", "positive"), 1, SIDE, SIDE, LEVELS, run)):
            network(x, torch.full((2,), 90.0 * sigma), context)


def given() -> tuple[Tensor, Tensor]:
    return drawn(*SHAPE), drawn(2, 77, 64)


@pytest.mark.parametrize("name", CACHES)
def test_what_a_cache_keeps_is_counted(name: str) -> None:
    network, (x, context) = unet(), given()
    remembered = tuple(remembered_by((CACHES[name],), network).items())
    assert remembered
    with applied(Patched(Holder(network), (CACHES[name],))), LiveBytes(network.parameters()) as found:
        sample(network, x, context)
    counted = count(network, SHAPE, remembered)
    assert counted > count(network, SHAPE)
    # FasterCache keeps half of what it might where half of the rows are negative.
    assert found.peak <= counted * MARGIN <= found.peak * (1.35 if name == "faster" else 1.2)


def test_a_cache_that_keeps_nothing_or_has_no_place_counts_nothing() -> None:
    idle = (TaylorSeer(1), FirstBlockCache(0.0), AttentionBroadcast(1, 1), FasterCache(3, 1))
    assert not remembered_by((*idle, MagCache((1.0,), 0.0), MagCache((1.0,), most_in_a_row=0)), unet())
    assert not remembered_by((*CACHES.values(),), nn.Linear(2, 2))


def test_what_was_measured_with_a_cache_is_not_taken_for_what_is_needed_without() -> None:
    network, estimates, patches = unet(), Estimates(), (CACHES["taylor"],)
    before = estimates.activation_bytes(network, SHAPE)
    with_cache = estimates.activation_bytes(network, SHAPE, patches)
    estimates.measured(network, with_cache, SHAPE, patches)
    assert estimates.activation_bytes(network, SHAPE) == before
    assert estimates.activation_bytes(network, SHAPE, patches) == with_cache > 2 * before


@pytest.mark.parametrize("name", ["taylor", "broadcast"])
def test_the_first_run_with_a_cache_stays_below_the_cap(name: str) -> None:
    network, (x, context) = unet(), given()
    homes = list(network.parameters())
    model = Patched(Holder(network), (CACHES[name],))
    needed = Estimates().activation_bytes(network, SHAPE, model.patches)
    cap = needed + weight_bytes(network) * 2 // 3
    memory = DeviceMemory(f"bounded:{cap}")
    tier = memory.residency.tier
    assert tier is not None
    with memory.borrow(model, SHAPE):
        assert memory.residency.report()[0].streamed > 0
        # What is fetched from now on is counted among all that comes to live.
        held = tier.taken_bytes()
        with LiveBytes([*homes, *network.parameters()]) as found:
            sample(network, x, context)
    assert held + found.peak <= cap
    # Planned without the cache, it would have been too much.
    assert held + found.peak > cap - needed + Estimates().activation_bytes(network, SHAPE)
