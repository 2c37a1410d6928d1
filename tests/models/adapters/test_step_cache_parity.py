"""Do the step caches compute what those of diffusers compute, step by step?"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.adapters.attention_broadcast import AttentionBroadcast
from models.adapters.faster_cache import FasterCache
from models.adapters.first_block_cache import FirstBlockCache
from models.adapters.mag_cache import MagCache, MagCacheCalibration
from models.adapters.patch import Patch
from models.adapters.step_memory import Window
from models.adapters.taylor_seer import TaylorSeer
from models.call import Call, Run, calling
from models.unet.config import UNetConfig
from tests.fixtures.checkpoints import redrawn
from tests.fixtures.tiny_transformer import (
    CONTEXT_WIDTH,
    HEADS,
    WIDTH,
    PairBlock,
    TinyPairTransformer,
    TinyTransformer,
)
from tests.oracle.diffusers_names import worst_ratio
from tests.oracle.tiny_unet import OURS, tiny_unets

pytest.importorskip("diffusers")
hooks = pytest.importorskip("diffusers.hooks")
cache_context = pytest.importorskip("diffusers.hooks.hooks")

STEPS = 12
# Noise levels that are the times of the oracle's windows.
TIMES = tuple(990.0 - 80.0 * step for step in range(STEPS))
LEVELS = (*TIMES, 0.0)
ROWS = ("negative", "positive")


def drifting(step: int) -> Tensor:
    """A latent for both lists that changes little from step to step, and more at first."""
    generator = torch.Generator().manual_seed(3)
    start, moved = torch.randn(2, 1, 4, 8, 12, generator=generator)
    return (start + moved * (0.3 * 0.7**step + 0.02 * step)).repeat(2, 1, 1, 1)


def prompts() -> Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.randn(2, 7, CONTEXT_WIDTH, generator=generator)


def ours(network: nn.Module, *patches: Patch) -> list[Tensor]:
    """What a network under patches gives in each step of a run."""
    run, given, context = Run(), [], prompts()
    with torch.no_grad(), ExitStack() as undo:
        for patch in patches:
            patch.install(network, undo)
        for step, time in enumerate(TIMES):
            x = drifting(step)
            with calling(Call(time, ROWS, len(x) // len(ROWS), 8, 12, LEVELS, run)):
                given.append(network(x, torch.full((len(x),), time), context))
    return given


def theirs(network: nn.Module, install: Callable[[nn.Module, Callable[[], float]], None]) -> list[Tensor]:
    """What a network gives in each step under a hook of the oracle, which may ask for the time."""
    now = [0.0]
    install(network, lambda: now[0])
    cache_context._set_cache_context(network, cache_context.CacheContext("both"))
    given, context = [], prompts()
    with torch.no_grad():
        for step, time in enumerate(TIMES):
            now[0], x = time, drifting(step)
            times = torch.full((len(x),), time)
            inputs = {"timestep": times, "encoder_hidden_states": context}
            if isinstance(network, TinyTransformer):
                given.append(network(hidden_states=x, **inputs))
            else:
                given.append(network(sample=x, return_dict=False, **inputs)[0])
    return given


def transformers() -> tuple[TinyTransformer, TinyTransformer]:
    """A small transformer of our blocks, and one of the oracle's with the same weights."""
    from diffusers.models.attention import BasicTransformerBlock

    def block() -> nn.Module:
        made: nn.Module = BasicTransformerBlock(
            WIDTH, HEADS, WIDTH // HEADS, cross_attention_dim=CONTEXT_WIDTH, activation_fn="geglu"
        )
        return made

    own = TinyTransformer()
    redrawn(own, 6)
    oracle = TinyTransformer(
        block=block, called=lambda block, x, context: block(x, encoder_hidden_states=context)
    )
    oracle.load_state_dict(own.state_dict())
    return own, oracle.eval()


def of_two_streams() -> tuple[nn.Module, nn.Module]:
    """A small transformer whose blocks change picture and text, twice; the oracle is told what they give."""
    from diffusers.hooks._helpers import TransformerBlockMetadata, TransformerBlockRegistry

    TransformerBlockRegistry.register(PairBlock, TransformerBlockMetadata(0, 1))
    own, oracle = redrawn(TinyPairTransformer(), 6), TinyPairTransformer()
    oracle.load_state_dict(own.state_dict())
    return own, oracle.eval()


def unets() -> tuple[nn.Module, nn.Module]:
    """A small UNet of ours, and the oracle's with the same weights."""
    config = UNetConfig(**OURS, context_width=CONTEXT_WIDTH)
    return tiny_unets(config, cross_attention_dim=CONTEXT_WIDTH, attention_head_dim=8)


def check(own: nn.Module, oracle: nn.Module, patch: Patch, install: Any, least: int) -> None:
    """Both give the same in every step, and something else than the plain network in at least so many."""
    plain = ours(own)
    got, expected = ours(own, patch), theirs(oracle, install)
    assert max(map(worst_ratio, got, expected)) <= 5e-5
    assert (
        sum(not torch.allclose(one, other, rtol=1e-3) for one, other in zip(got, plain, strict=True)) >= least
    )


@pytest.mark.parametrize("threshold", [0.08, 0.1, 0.3])
def test_first_block_cache(threshold: float) -> None:
    config = hooks.FirstBlockCacheConfig(threshold=threshold)
    for pair in (transformers(), of_two_streams()):
        patch = FirstBlockCache(threshold)
        check(*pair, patch, lambda root, _: hooks.apply_first_block_cache(root, config), 2)


@pytest.mark.parametrize(("interval", "warm_up", "order"), [(5, 3, 1), (3, 2, 2), (4, 1, 0)])
def test_taylor_seer_of_the_branches(interval: int, warm_up: int, order: int) -> None:
    config = hooks.TaylorSeerCacheConfig(
        cache_interval=interval,
        disable_cache_before_step=warm_up,
        max_order=order,
        taylor_factors_dtype=torch.float32,
        cache_identifiers=[r".*attn1", r".*attn2", r".*ff", r".*resnets\.\d+\.conv2"],
    )
    for pair in (transformers(), unets()):
        patch = TaylorSeer(interval, warm_up, order, is_lite=False)
        check(*pair, patch, lambda root, _: hooks.apply_taylorseer_cache(root, config), 5)


def test_taylor_seer_of_the_last_block() -> None:
    config = hooks.TaylorSeerCacheConfig(
        cache_interval=4,
        max_order=1,
        taylor_factors_dtype=torch.float32,
        skip_predict_identifiers=[r"transformer_blocks\.[01]"],
        cache_identifiers=[r"transformer_blocks\.2"],
    )
    patch = TaylorSeer(4, 3, 1)
    check(*transformers(), patch, lambda root, _: hooks.apply_taylorseer_cache(root, config), 5)


RATIOS = (1.0, 1.2, 1.1, 1.05, 1.02, 1.01, 0.99, 1.01, 0.98, 0.97, 0.95, 0.9, 0.8)


@pytest.mark.parametrize(("threshold", "most", "retention"), [(0.06, 3, 0.2), (0.12, 2, 0.0), (0.5, 4, 0.4)])
def test_mag_cache(threshold: float, most: int, retention: float) -> None:
    config = hooks.MagCacheConfig(
        threshold=threshold,
        max_skip_steps=most,
        retention_ratio=retention,
        num_inference_steps=STEPS,
        mag_ratios=list(RATIOS),
    )
    patch = MagCache(RATIOS, threshold, most, retention)
    check(*transformers(), patch, lambda root, _: hooks.apply_mag_cache(root, config), 2)


def test_calibration_of_mag_cache(capsys: pytest.CaptureFixture[str]) -> None:
    config = hooks.MagCacheConfig(calibrate=True, num_inference_steps=STEPS)
    own, oracle = transformers()
    told: list[tuple[float, ...]] = []
    plain = ours(own)
    assert all(map(torch.equal, ours(own, MagCacheCalibration(told.append)), plain))
    theirs(oracle, lambda root, _: hooks.apply_mag_cache(root, config))
    written = capsys.readouterr().out.split("[")[-1].split("]")[0]
    assert told[-1] == pytest.approx([float(part) for part in written.split(",")], rel=1e-4)
    assert len(told[-1]) == STEPS


@pytest.mark.parametrize(("spatial", "cross"), [(2, 6), (3, 2), (1, 4)])
def test_pyramid_attention_broadcast(spatial: int, cross: int) -> None:
    window = (100, 800)

    def install(root: nn.Module, now: Callable[[], float]) -> None:
        config = hooks.PyramidAttentionBroadcastConfig(
            spatial_attention_block_skip_range=spatial,
            cross_attention_block_skip_range=cross,
            spatial_attention_timestep_skip_range=window,
            cross_attention_timestep_skip_range=window,
            current_timestep_callback=now,
        )
        hooks.apply_pyramid_attention_broadcast(root, config)

    for pair in (transformers(), unets()):
        check(*pair, AttentionBroadcast(spatial, cross, Window(*window[::-1])), install, 5)


@pytest.mark.filterwarnings("ignore:torch.meshgrid")
@pytest.mark.parametrize(("every", "attention"), [(5, 2), (3, 3), (4, 1)])
def test_faster_cache(every: int, attention: int) -> None:
    def install(root: nn.Module, now: Callable[[], float]) -> None:
        names = ("sample", "hidden_states", "encoder_hidden_states", "timestep")
        config = hooks.FasterCacheConfig(
            unconditional_batch_skip_range=every,
            spatial_attention_block_skip_range=attention if isinstance(root, TinyTransformer) else None,
            spatial_attention_block_identifiers=("attn1",),
            temporal_attention_block_skip_range=None,
            attention_weight_callback=lambda _: 0.4,
            tensor_format="BCHW",
            current_timestep_callback=now,
            _unconditional_conditional_input_kwargs_identifiers=names,
        )
        hooks.apply_faster_cache(root, config)

    windows = (Window(641, -1), Window(681, -1), Window(901, 99), Window(301, -1))
    for pair, own_range in ((transformers(), attention), (unets(), 1)):
        check(*pair, FasterCache(every, own_range, 0.4, 1.1, *windows), install, 3)
