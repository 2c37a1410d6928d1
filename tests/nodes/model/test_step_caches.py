"""Do the nodes of step caches make sampling answer from memory, under all that a workflow does to a model?"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.checkpoint import Checkpoint
from models.adapters.patch import applied
from nodes.api.errors import Cancelled, NodeError
from nodes.conditioning.text import encode
from nodes.loading.lora import load_lora_for_model
from nodes.model.attention_guidance import guide_by_perturbed_attention
from nodes.model.faster import reuse_guidance, reuse_steps
from nodes.model.magnitude_cache import cache_by_magnitude, calibrate_magnitudes
from nodes.model.step_caches import (
    approximate_guidance,
    broadcast_attention,
    cache_first_block,
    predict_steps,
)
from nodes.sampling.ksampler import ksampler
from schedulers.latent import LatentBatch
from tests.fixtures.streams import watched
from tests.nodes.conftest import MakeContext, Recorded

Node = Callable[[Any], Any]
NODES: dict[str, Node] = {
    "first block": lambda model: cache_first_block(model, 3.0),
    "lite": lambda model: predict_steps(model, 2, 1),
    "taylor": lambda model: predict_steps(model, 2, 1, 1, lite=False),
    "magnitude": lambda model: cache_by_magnitude(model, "1, 1.01; [1.02]", 1.0),
    "broadcast": lambda model: broadcast_attention(model, 2, 3, 0.0, 1.0),
    "faster": lambda model: approximate_guidance(model, 3, 2, guidance_start=0.0, attention_start=0.0),
}
NEUTRAL: dict[str, Node] = {
    "first block": lambda model: cache_first_block(model, 0.0),
    "window": lambda model: cache_first_block(model, 3.0, 0.5, 0.4),
    "taylor": lambda model: predict_steps(model, 1),
    "magnitude": lambda model: cache_by_magnitude(model, "1", 0.0),
    "broadcast": lambda model: broadcast_attention(model, 1, 1),
    "faster": lambda model: approximate_guidance(model, 1, 1),
}


def drawn(ctx: Recorded, checkpoint: Checkpoint, model: Any, **changes: Any) -> Tensor:
    options: dict[str, Any] = {
        "seed": 1,
        "steps": 4,
        "cfg": 3.0,
        "sampler_name": "euler",
        "scheduler": "normal",
    }
    prompt, batch = changes.pop("text", "a cat"), changes.pop("batch", 1)
    result = ksampler(
        ctx,
        model=model,
        positive=encode(ctx, text=prompt, clip=checkpoint.clip),
        negative=encode(ctx, text="", clip=checkpoint.clip),
        latent_image=LatentBatch(torch.zeros(batch, 4, 8, 8)),
        **options | changes,
    )
    return result.samples


@pytest.mark.parametrize("name", NODES)
def test_a_cached_model_draws_about_the_same_and_the_plain_one_the_same_as_before(
    ctx: Recorded, checkpoint: Checkpoint, name: str
) -> None:
    plain, cached = drawn(ctx, checkpoint, checkpoint.model), NODES[name](checkpoint.model)
    once = drawn(ctx, checkpoint, cached)
    assert torch.isfinite(once).all()
    assert not torch.equal(once, plain)
    # Another run in between, of another seed and prompt, leaves no mark.
    other = drawn(ctx, checkpoint, cached, seed=2, text="a dog", batch=2)
    assert torch.equal(drawn(ctx, checkpoint, cached), once)
    assert torch.equal(drawn(ctx, checkpoint, cached, seed=2, text="a dog", batch=2), other)
    assert torch.equal(drawn(ctx, checkpoint, checkpoint.model), plain)


@pytest.mark.parametrize("name", NEUTRAL)
def test_a_threshold_of_nought_and_a_range_of_one_draw_the_same_picture(
    ctx: Recorded, checkpoint: Checkpoint, name: str
) -> None:
    plain = drawn(ctx, checkpoint, checkpoint.model)
    assert torch.equal(drawn(ctx, checkpoint, NEUTRAL[name](checkpoint.model)), plain)


@pytest.mark.parametrize("name", NODES)
def test_a_cancelled_run_leaves_nothing_to_the_next_while_the_model_stays_patched(
    make_context: MakeContext, checkpoint: Checkpoint, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached, living = NODES[name](checkpoint.model), watched(monkeypatch)
    expected = drawn(make_context(), checkpoint, cached)
    with applied(cached):
        answers = iter([False, False, True])
        with pytest.raises(Cancelled):
            drawn(make_context(is_cancelled=lambda: next(answers)), checkpoint, checkpoint.model)
        assert len(living) == 0
        assert torch.equal(drawn(make_context(), checkpoint, checkpoint.model), expected)
        assert len(living) == 0


@pytest.mark.parametrize("sampler", ["heun", "dpmpp_2m", "dpmpp_sde", "dpm_2", "lcm"])
@pytest.mark.parametrize("name", NODES)
def test_samplers_that_ask_more_than_once_a_step(
    ctx: Recorded, checkpoint: Checkpoint, name: str, sampler: str
) -> None:
    result = drawn(ctx, checkpoint, NODES[name](checkpoint.model), sampler_name=sampler)
    assert torch.isfinite(result).all()


@pytest.mark.parametrize("name", NODES)
def test_rules_that_run_the_network_once_more_have_a_memory_of_their_own(
    ctx: Recorded, checkpoint: Checkpoint, name: str
) -> None:
    guided = guide_by_perturbed_attention(NODES[name](checkpoint.model))
    assert torch.isfinite(drawn(ctx, checkpoint, guided)).all()
    assert torch.isfinite(drawn(ctx, checkpoint, NODES[name](checkpoint.model), cfg=1.0)).all()


@pytest.mark.parametrize("name", NODES)
def test_under_a_lora(ctx: Recorded, checkpoint: Checkpoint, tmp_path: Path, name: str) -> None:
    stem = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q"
    folder = tmp_path / "models/loras"
    folder.mkdir(parents=True, exist_ok=True)
    factors = {f"{stem}.lora_up.weight": torch.randn(32, 2), f"{stem}.lora_down.weight": torch.randn(2, 32)}
    save_file(factors, folder / "style.safetensors")
    styled = load_lora_for_model(
        ctx, model=checkpoint.model, lora_name="style.safetensors", strength_model=1.0
    )
    around = load_lora_for_model(
        ctx, model=NODES[name](checkpoint.model), lora_name="style.safetensors", strength_model=1.0
    )
    under = drawn(ctx, checkpoint, NODES[name](styled))
    assert torch.equal(under, drawn(ctx, checkpoint, around))
    assert not torch.equal(under, drawn(ctx, checkpoint, NODES[name](checkpoint.model)))


@pytest.mark.parametrize("outer", [reuse_steps, reuse_guidance])
@pytest.mark.parametrize("name", NODES)
def test_caches_of_whole_steps_go_around(
    ctx: Recorded, checkpoint: Checkpoint, name: str, outer: Callable[..., Any]
) -> None:
    both = outer(NODES[name](checkpoint.model), 0.5, 0.0, 1.0)
    assert torch.isfinite(drawn(ctx, checkpoint, both, steps=5)).all()


def test_two_caches_of_blocks_are_refused_when_sampling(ctx: Recorded, checkpoint: Checkpoint) -> None:
    both = predict_steps(cache_first_block(checkpoint.model, 3.0), 2, 1)
    with pytest.raises(ValueError, match="TaylorSeer and First Block Cache cannot change one model together"):
        drawn(ctx, checkpoint, both)
    assert torch.isfinite(drawn(ctx, checkpoint, checkpoint.model)).all()


def test_calibration_writes_ratios_that_mag_cache_takes(
    ctx: Recorded, checkpoint: Checkpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    measured = calibrate_magnitudes(ctx, model=checkpoint.model)
    with caplog.at_level("INFO"):
        drawn(ctx, checkpoint, measured, steps=5)
    written = (tmp_path / "output/magcache/ratios_00001_.txt").read_text()
    assert len(written.split(", ")) == 5
    assert f"MagCache ratios of 5 steps in {tmp_path}" in caplog.text
    cached = cache_by_magnitude(checkpoint.model, written, 3.0, retention=0.0, verbose=True)
    with caplog.at_level("INFO"):
        assert torch.isfinite(drawn(ctx, checkpoint, cached, steps=5)).all()
    assert "blocks left out" in caplog.text


@pytest.mark.parametrize(
    ("ratios", "message"),
    [
        ("", "sample once with MagCache Calibrate"),
        ("1, cat", "there is 'cat'"),
        ("1, -2", "between 0 and 100"),
    ],
)
def test_ratios_that_are_none_are_refused(checkpoint: Checkpoint, ratios: str, message: str) -> None:
    with pytest.raises(NodeError, match=message):
        cache_by_magnitude(checkpoint.model, ratios)
