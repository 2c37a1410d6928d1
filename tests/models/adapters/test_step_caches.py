"""Do step caches keep to their run, their rows and their part of sampling, and leave nothing behind?"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any
from weakref import WeakSet

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from models.adapters.attention_broadcast import AttentionBroadcast
from models.adapters.deep_cache import DeepCache
from models.adapters.deep_shrink import DeepShrink
from models.adapters.faster_cache import FasterCache
from models.adapters.first_block_cache import FirstBlockCache
from models.adapters.freeu import FreeU
from models.adapters.hypertile import HyperTile
from models.adapters.mag_cache import MagCache, MagCacheCalibration
from models.adapters.patch import Patch
from models.adapters.reuse import StepReuse
from models.adapters.step_memory import Stream, Window, steps_done
from models.adapters.taylor_seer import Expansion, TaylorSeer
from models.adapters.token_merging import TokenMerging
from models.call import Call, Run, calling
from models.control.residuals import ControlResiduals, DeferredResiduals
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from tests.fixtures.checkpoints import redrawn
from tests.fixtures.streams import watched
from tests.fixtures.tiny_transformer import CONTEXT_WIDTH, TinyPairTransformer, TinyTransformer

CONFIG = UNetConfig(
    channels=32,
    multipliers=(1, 2),
    input_depths=((1,), (1,)),
    output_depths=((1, 1), (1, 1)),
    context_width=CONTEXT_WIDTH,
)
LEVELS = (10.0, 8.0, 6.0, 4.0, 3.0, 2.0, 1.0, 0.0)
BOTH = ("negative", "positive")
CACHES: dict[str, Patch] = {
    "first block": FirstBlockCache(0.9),
    "lite": TaylorSeer(3, 1),
    "taylor": TaylorSeer(3, 1, 2, is_lite=False),
    "magnitude": MagCache((1.0,), retention=0.1),
    "broadcast": AttentionBroadcast(2, 3),
    "faster": FasterCache(3, 2),
    "deep": DeepCache(3, 0, float("inf"), 0.0),
}


@pytest.fixture(scope="module", params=["unet", "transformer", "two streams"])
def network(request: pytest.FixtureRequest) -> nn.Module:
    kinds = {
        "unet": partial(UNet, CONFIG),
        "transformer": TinyTransformer,
        "two streams": TinyPairTransformer,
    }
    return redrawn(kinds[request.param](), 5)


@pytest.fixture(scope="module")
def unet() -> nn.Module:
    return redrawn(UNet(CONFIG), 5)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def step(
    network: nn.Module, run: Run, sigma: float, *, rows: tuple[str, ...] = BOTH, **inputs: Any
) -> Tensor:
    """One call of a run; the latent moves a little from step to step, seeds make other runs."""
    seed, batch = inputs.pop("seed", 0), inputs.pop("batch", 1)
    x = (noise(batch, 4, 8, 12, seed=seed) + sigma * 0.02).repeat(len(rows), 1, 1, 1)
    context = noise(len(rows) * batch, 7, CONTEXT_WIDTH, seed=seed + 1)
    with torch.no_grad(), calling(Call(sigma, rows, batch, 8, 12, LEVELS, run)):
        return network(x, torch.full((len(x),), 90.0 * sigma), context, **inputs)


def sampled(network: nn.Module, *patches: Patch, **inputs: Any) -> list[Tensor]:
    run = Run()
    with ExitStack() as undo:
        for patch in patches:
            patch.install(network, undo)
        return [step(network, run, sigma, **inputs) for sigma in LEVELS[:-1]]


def traces(network: nn.Module) -> Iterator[tuple[Any, ...]]:
    for name, module in network.named_modules():
        own = {key: id(value) for key, value in module.__dict__.items() if not isinstance(value, dict)}
        yield name, own, len(module._forward_hooks), len(module._forward_pre_hooks)


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> "WeakSet[Stream]":
    """The memories of streams that there are."""
    return watched(monkeypatch)


def skip_unets_only(name: str, network: nn.Module) -> None:
    if name == "deep" and not isinstance(network, UNet):
        pytest.skip("Deep Cache is for UNets")


@pytest.mark.parametrize("name", CACHES)
def test_a_cache_changes_steps_and_leaves_no_trace(network: nn.Module, name: str) -> None:
    skip_unets_only(name, network)
    before, plain = list(traces(network)), sampled(network)
    cached = sampled(network, CACHES[name])
    assert torch.equal(cached[0], plain[0])
    differing = sum(not torch.equal(one, other) for one, other in zip(cached, plain, strict=True))
    assert 2 <= differing <= len(plain) - 1
    assert all(
        one.shape == other.shape and torch.isfinite(one).all()
        for one, other in zip(cached, plain, strict=True)
    )
    assert list(traces(network)) == before
    assert all(map(torch.equal, sampled(network), plain))


NOTHING: dict[str, Patch] = {
    "first block": FirstBlockCache(0.0),
    "first block that never holds": FirstBlockCache(0.9, Window(0.5, 0.0)),
    "lite": TaylorSeer(1),
    "lite that never holds": TaylorSeer(3, 1, window=Window(float("inf"), 20.0)),
    "warming up": TaylorSeer(3, 7, is_lite=False),
    "magnitude": MagCache((1.0,), 0.0),
    "all retained": MagCache((1.0,), retention=1.0),
    "none in a row": MagCache((1.0,), most_in_a_row=0),
    "ratios that are far from one": MagCache((1.5,)),
    "broadcast": AttentionBroadcast(1, 1),
    "broadcast that never holds": AttentionBroadcast(3, 3, Window(0.5, 0.0)),
    "faster": FasterCache(1, 1),
    "calibration": MagCacheCalibration(lambda ratios: None),
}


@pytest.mark.parametrize("name", NOTHING)
def test_a_cache_that_may_leave_out_nothing_changes_nothing(network: nn.Module, name: str) -> None:
    assert all(map(torch.equal, sampled(network, NOTHING[name]), sampled(network)))


@pytest.mark.parametrize("name", CACHES)
def test_runs_keep_apart_and_give_their_memory_back(
    network: nn.Module, alive: WeakSet[Stream], name: str
) -> None:
    skip_unets_only(name, network)
    alone = [sampled(network, CACHES[name], seed=seed) for seed in (0, 7)]
    with ExitStack() as undo:
        CACHES[name].install(network, undo)
        runs, given = [Run(), Run()], ([], [])
        for sigma in LEVELS[:-1]:
            for run, outputs, seed in zip(runs, given, (0, 7), strict=True):
                outputs.append(step(network, run, sigma, seed=seed))
        assert len(alive) == 2
        del run
        runs.clear()
        assert len(alive) == 0
        # The patch is still installed, as it is between the runs of one model.
        run = Run()
        again = [step(network, run, sigma) for sigma in LEVELS[:-1]]
    for expected, got in zip((*alone, alone[0]), (*given, again), strict=True):
        assert all(map(torch.equal, got, expected))


@pytest.mark.parametrize("name", CACHES)
def test_a_failure_in_the_middle_of_a_step_spoils_nothing(
    network: nn.Module, alive: WeakSet[Stream], name: str
) -> None:
    skip_unets_only(name, network)
    expected = sampled(network, CACHES[name])
    failing = network.get_submodule(network.layout().blocks[-1])

    def fail(*_: Any) -> None:
        raise RuntimeError("cancelled")

    with ExitStack() as undo:
        CACHES[name].install(network, undo)
        run = Run()
        step(network, run, LEVELS[0])
        handle = failing.register_forward_pre_hook(fail)
        with pytest.raises(RuntimeError, match="cancelled"):
            step(network, run, LEVELS[1])
        handle.remove()
        del run
        assert len(alive) == 0
        run = Run()
        assert all(
            torch.equal(step(network, run, sigma), one) for sigma, one in zip(LEVELS, expected, strict=False)
        )


@pytest.mark.parametrize("name", CACHES)
def test_rows_of_other_lists_and_prompts_have_memories_of_their_own(network: nn.Module, name: str) -> None:
    skip_unets_only(name, network)
    apart = [sampled(network, CACHES[name], rows=(row,)) for row in BOTH]
    run, given = Run(), ([], [])
    with ExitStack() as undo:
        CACHES[name].install(network, undo)
        for sigma in LEVELS[:-1]:
            for row, outputs in zip(BOTH, given, strict=True):
                outputs.append(step(network, run, sigma, rows=(row,)))
    for got, expected in zip(given, apart, strict=True):
        assert all(map(torch.equal, got, expected))


@pytest.mark.parametrize("name", CACHES)
def test_a_batch_of_several_prompts(network: nn.Module, name: str) -> None:
    skip_unets_only(name, network)
    cached, plain = (sampled(network, *patches, batch=2) for patches in ((CACHES[name],), ()))
    assert cached[0].shape == (4, 4, 8, 12)
    assert any(not torch.equal(one, other) for one, other in zip(cached, plain, strict=True))


def test_a_row_of_its_own_decides_whether_blocks_are_left_out(network: nn.Module) -> None:
    """A row at rest beside one that moves must not make the moving one be left out."""

    def computed(*moving: bool) -> list[bool]:
        counted: list[int] = []
        last = network.get_submodule(network.layout().branches[-1][-1])
        handle = last.register_forward_pre_hook(lambda *_: counted.append(1))
        run, found = Run(), []
        with ExitStack() as undo, torch.no_grad():
            FirstBlockCache(0.2).install(network, undo)
            for number, sigma in enumerate(LEVELS[:-1]):
                before = len(counted)
                x = torch.cat([noise(1, 4, 8, 12, seed=number if moves else 0) for moves in moving])
                with calling(Call(sigma, ("positive",), len(x), 8, 12, LEVELS, run)):
                    network(x, torch.full((len(x),), 90.0), noise(1, 7, CONTEXT_WIDTH).expand(len(x), -1, -1))
                found.append(len(counted) > before)
        handle.remove()
        return found

    assert computed(False) == [True] + [False] * 6
    assert computed(False, False, False, True) == [True] * 7


class ReadBacks(TorchDispatchMode):
    """Counts how often the host asks a tensor for its number, which a device must be waited for."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", CACHES)
def test_the_host_waits_for_one_number_at_most(network: nn.Module, name: str) -> None:
    skip_unets_only(name, network)
    with ReadBacks() as plain:
        sampled(network)
    with ReadBacks() as cached:
        sampled(network, CACHES[name])
    # The first step has nothing to compare with.
    assert cached.count - plain.count == (len(LEVELS) - 2 if name == "first block" else 0)


@pytest.mark.parametrize("name", CACHES)
def test_under_control_nothing_is_said_to_have_another_size(
    unet: nn.Module, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    shapes = [(32, 8, 12), (32, 8, 12), (32, 4, 6), (64, 4, 6)]
    control = ControlResiduals(
        input=tuple(noise(2, *shape, seed=9) for shape in shapes),
        middle=noise(2, 64, 4, 6, seed=8),
        output=tuple(noise(2, *shape, seed=10) for shape in reversed(shapes)),
    )
    with caplog.at_level(logging.WARNING):
        steered = sampled(unet, CACHES[name], control=control)
    assert caplog.messages == []
    assert not any(map(torch.allclose, steered, sampled(unet, CACHES[name])))


@pytest.mark.parametrize("name", ["first block", "lite", "magnitude"])
def test_control_networks_rest_in_steps_in_which_blocks_do(unet: nn.Module, name: str) -> None:
    asked: list[float] = []
    whole, run = sampled(unet, CACHES[name]), Run()
    kept = sum(map(torch.equal, whole, sampled(unet)))
    with ExitStack() as undo:
        CACHES[name].install(unet, undo)
        for sigma in LEVELS[:-1]:
            nothing = DeferredResiduals(lambda sigma=sigma: asked.append(sigma) or ControlResiduals())
            step(unet, run, sigma, control=nothing)
    assert len(asked) == kept < len(LEVELS) - 1


@pytest.mark.parametrize("name", CACHES)
def test_together_with_what_changes_a_unet_elsewhere(unet: nn.Module, name: str) -> None:
    others: tuple[Patch, ...] = (
        FreeU(1.1, 1.2, 0.9, 0.2),
        DeepShrink(2, 2.0, float("inf"), 3.5),
        HyperTile(tile_size=32),
    )
    for patches in ((CACHES[name], *others), (*others, CACHES[name])):
        outputs = sampled(unet, *patches)
        assert all(torch.isfinite(one).all() for one in outputs)
        assert torch.equal(outputs[0], sampled(unet, *others)[0])


@pytest.mark.parametrize("blocks", ["first block", "lite", "magnitude", "deep", "faster"])
def test_two_that_answer_for_the_same_parts_are_refused(unet: nn.Module, blocks: str) -> None:
    for other in ("first block", "taylor", "magnitude", "deep", "faster"):
        before = list(traces(unet))
        with pytest.raises(ValueError, match="both answer for its blocks; take one away"):
            sampled(unet, CACHES[blocks], CACHES[other])
        assert list(traces(unet)) == before


@pytest.mark.parametrize("name", ["taylor", "broadcast", "faster"])
def test_attention_that_is_merged_anew_in_every_step_is_not_remembered(unet: nn.Module, name: str) -> None:
    with pytest.raises(ValueError, match=r"Token Merging.*both answer for its attention"):
        sampled(unet, CACHES[name], TokenMerging(0.3))


@pytest.mark.parametrize("name", ["first block", "lite", "magnitude", "deep"])
def test_broadcast_goes_with_caches_of_blocks(network: nn.Module, name: str) -> None:
    skip_unets_only(name, network)
    for patches in ((CACHES[name], CACHES["broadcast"]), (CACHES["broadcast"], CACHES[name])):
        both = sampled(network, *patches)
        assert all(torch.isfinite(one).all() for one in both)
        assert any(
            not torch.equal(one, other)
            for one, other in zip(both, sampled(network, CACHES[name]), strict=True)
        )


@pytest.mark.parametrize("name", CACHES)
def test_whole_runs_may_be_left_out_around_a_cache(unet: nn.Module, name: str) -> None:
    whole = StepReuse(0.05, float("inf"), 0.0)
    for patches in ((CACHES[name], whole), (whole, CACHES[name])):
        assert all(torch.isfinite(one).all() for one in sampled(unet, *patches))


def test_a_network_without_a_layout_is_refused() -> None:
    for name in ("first block", "lite", "taylor", "magnitude", "broadcast", "faster"):
        with pytest.raises(ValueError, match="Linear has no layout"), ExitStack() as undo:
            CACHES[name].install(nn.Linear(1, 1), undo)
    with pytest.raises(ValueError, match="has 1 blocks, this patch needs 2"), ExitStack() as undo:
        FirstBlockCache().install(TinyTransformer(1), undo)


@pytest.mark.parametrize(("most", "computed"), [(0, 1), (1, 4), (2, 3)])
def test_a_limit_of_steps_in_a_row(network: nn.Module, most: int, computed: int) -> None:
    limited = sampled(network, FirstBlockCache(9.0, most_in_a_row=most))
    assert sum(map(torch.equal, limited, sampled(network))) == computed


def test_an_expansion_of_order_two_hits_a_parabola() -> None:
    expansion = Expansion(2)
    for time in (0.0, 1.0, 2.0):
        expansion.learn(time, torch.tensor([time**2, 3.0 * time]))
    # Differences backwards in time: exact for lines, and near for curves.
    assert torch.allclose(expansion.at(3.0), torch.tensor([8.0, 9.0]))
    expansion.learn(2.0, torch.zeros(1))
    assert torch.equal(expansion.at(5.0), torch.zeros(1))


def test_steps_done_counts_along_the_levels_of_a_run() -> None:
    done = [
        steps_done(Call(sigma, ("positive",), 1, 8, 8, LEVELS)) for sigma in (11.0, 10.0, 9.0, 2.0, 0.5, 0.0)
    ]
    assert done == [0.0, 0.0, 0.5, 5.0, 6.5, 7.0]
    with pytest.raises(ValueError, match="names none"):
        steps_done(Call(1.0, ("positive",), 1, 8, 8))


def test_ratios_of_another_number_of_steps_are_taken_from_the_nearest() -> None:
    cache = MagCache((1.0, 2.0, 3.0))
    assert [cache.ratio(float(step), 5) for step in range(5)] == [1.0, 1.0, 2.0, 3.0, 3.0]
    with pytest.raises(ValueError, match="needs the ratios"):
        MagCache(())


def test_calibration_tells_of_the_first_call_of_each_step(network: nn.Module) -> None:
    told: list[tuple[float, ...]] = []
    run = Run()
    with ExitStack() as undo:
        MagCacheCalibration(told.append).install(network, undo)
        for sigma in LEVELS[:-1]:
            for row in BOTH:
                step(network, run, sigma, rows=(row,))
    assert len(told) == 1
    assert len(told[0]) == len(LEVELS) - 1
    assert told[0][0] == 1.0
