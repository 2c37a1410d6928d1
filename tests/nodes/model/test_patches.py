"""Do the nodes that patch models change what is drawn, and only under the model they give?"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from loaders.checkpoint import Checkpoint
from nodes.conditioning.text import encode
from nodes.model.attention_backend import choose_attention
from nodes.model.attention_guidance import guide_by_perturbed_attention, guide_by_self_attention
from nodes.model.attention_multiply import (
    multiply_clip_attention,
    multiply_cross_attention,
    multiply_self_attention,
    multiply_temporal_attention,
)
from nodes.model.deep_shrink import shrink_deep_features
from nodes.model.faster import (
    cache_deep_features,
    compute_in,
    hyper_tile,
    merge_tokens,
    reuse_guidance,
    reuse_steps,
)
from nodes.model.freeu import free_u, free_u_v2
from nodes.model.normalized_attention import guide_attention_away, guide_self_attention_away
from nodes.model.skip_layers import guide_by_skipped_layers, spoil_negative_by_skipped_layers
from nodes.sampling.ksampler import ksampler
from schedulers.latent import LatentBatch
from tests.nodes.conftest import Recorded

METHODS = {"downscale_method": "bicubic", "upscale_method": "bislerp"}
NODES: dict[str, Callable[[Any], Any]] = {
    "freeu": free_u,
    "freeu 2": free_u_v2,
    "hypertile": lambda model: hyper_tile(model, tile_size=32),
    "merging": merge_tokens,
    "cache": lambda model: cache_deep_features(model, 2, 1),
    "steps": lambda model: reuse_steps(model, 3.0, 0.0, 1.0),
    "guidance": lambda model: reuse_guidance(model, 3.0, 0.0, 1.0),
    "type": lambda model: compute_in(model, "bf16"),
    "shrink": lambda model: shrink_deep_features(model=model, block_number=1, **METHODS),
    "self": lambda model: multiply_self_attention(model, q=2.0),
    "cross": lambda model: multiply_cross_attention(model, v=0.5),
    "temporal": lambda model: multiply_temporal_attention(model, self_structural=0.5),
    "perturbed": guide_by_perturbed_attention,
    "attention guidance": guide_by_self_attention,
    "normalized attention": lambda model: guide_attention_away(model=model),
    "normalized self-attention": lambda model: guide_self_attention_away(model=model),
    "skipped layers": lambda model: guide_by_skipped_layers(model=model, end_percent=1.0),
    "skipped for the negative": lambda model: spoil_negative_by_skipped_layers(model=model, blocks="input.1"),
}


def drawn(ctx: Recorded, checkpoint: Checkpoint, model: Any, **changes: Any) -> Tensor:
    options = {"seed": 1, "steps": 3, "cfg": 3.0, "sampler_name": "euler", "scheduler": "normal", **changes}
    result = ksampler(
        ctx,
        model=model,
        positive=encode(ctx, text="a cat", clip=checkpoint.clip),
        negative=encode(ctx, text="", clip=checkpoint.clip),
        latent_image=LatentBatch(torch.zeros(1, 4, 16, 16)),
        **options,
    )
    return result.samples


@pytest.mark.parametrize("name", NODES)
def test_a_patched_model_draws_something_else_and_the_plain_one_the_same_as_before(
    ctx: Recorded, checkpoint: Checkpoint, name: str
) -> None:
    plain = drawn(ctx, checkpoint, checkpoint.model)
    patched = NODES[name](checkpoint.model)
    once = drawn(ctx, checkpoint, patched)
    assert torch.isfinite(once).all()
    assert not torch.allclose(once, plain, rtol=1e-3, atol=1e-4)
    assert torch.equal(drawn(ctx, checkpoint, patched), once)
    assert torch.equal(drawn(ctx, checkpoint, checkpoint.model), plain)


def test_factors_of_one_and_scales_of_nought_change_nothing(ctx: Recorded, checkpoint: Checkpoint) -> None:
    plain = drawn(ctx, checkpoint, checkpoint.model)
    model = guide_by_perturbed_attention(multiply_cross_attention(checkpoint.model), 0.0)
    model = guide_by_skipped_layers(model=model, scale=0.0, end_percent=1.0)
    model = multiply_temporal_attention(merge_tokens(model, 0.0), self_temporal=0.5)
    assert torch.equal(drawn(ctx, checkpoint, model), plain)


def test_clip_attention_is_multiplied_in_the_text_encoder(ctx: Recorded, checkpoint: Checkpoint) -> None:
    plain = encode(ctx, text="a cat", clip=checkpoint.clip)[0].embedding
    changed = encode(ctx, text="a cat", clip=multiply_clip_attention(checkpoint.clip, out=0.5))[0].embedding
    assert not torch.allclose(changed, plain, rtol=1e-3)
    assert torch.equal(encode(ctx, text="a cat", clip=checkpoint.clip)[0].embedding, plain)


def test_deep_shrink_ends_with_its_part_of_sampling(ctx: Recorded, checkpoint: Checkpoint) -> None:
    plain = drawn(ctx, checkpoint, checkpoint.model)
    ended = shrink_deep_features(model=checkpoint.model, start_percent=0.99, end_percent=0.995, **METHODS)
    assert torch.equal(drawn(ctx, checkpoint, ended), plain)


def test_self_attention_guidance_evaluates_the_negative_even_at_scale_one(
    ctx: Recorded, checkpoint: Checkpoint
) -> None:
    guided = guide_by_self_attention(checkpoint.model)
    plain = drawn(ctx, checkpoint, checkpoint.model, cfg=1.0)
    assert not torch.allclose(drawn(ctx, checkpoint, guided, cfg=1.0), plain, rtol=1e-3)


def test_skipped_layers_must_be_there(ctx: Recorded, checkpoint: Checkpoint) -> None:
    with pytest.raises(ValueError, match=r"no transformer blocks at 'input.0'; there are .*middle \(1\)"):
        guide_by_skipped_layers(model=checkpoint.model, blocks="input.0")


def test_a_negative_that_is_not_evaluated_is_not_spoilt(ctx: Recorded, checkpoint: Checkpoint) -> None:
    model = spoil_negative_by_skipped_layers(model=checkpoint.model)
    assert torch.equal(
        drawn(ctx, checkpoint, model, cfg=1.0), drawn(ctx, checkpoint, checkpoint.model, cfg=1.0)
    )


def test_attention_turns_away_from_a_negative_prompt_that_is_not_evaluated(
    ctx: Recorded, checkpoint: Checkpoint
) -> None:
    calls: list[int] = []
    hook = checkpoint.model.base.network.register_forward_pre_hook(
        lambda _, inputs: calls.append(len(inputs[0]))
    )
    model, options = guide_attention_away(model=checkpoint.model), {"cfg": 1.0}
    plain = drawn(ctx, checkpoint, checkpoint.model, **options)
    away = drawn(ctx, checkpoint, model, **options)
    hook.remove()
    assert calls == [1] * 6
    assert not torch.allclose(away, plain, rtol=1e-3, atol=1e-4)
    nothing = guide_attention_away(model=checkpoint.model, nag_scale=1.0)
    assert torch.equal(drawn(ctx, checkpoint, nothing, **options), plain)


def test_self_attention_turns_away_from_a_negative_prompt_at_every_scale(
    ctx: Recorded, checkpoint: Checkpoint
) -> None:
    model = guide_self_attention_away(model=checkpoint.model)
    for scale in (1.0, 3.0):
        plain = drawn(ctx, checkpoint, checkpoint.model, cfg=scale)
        assert not torch.allclose(drawn(ctx, checkpoint, model, cfg=scale), plain, rtol=1e-3, atol=1e-4)


def test_attention_in_another_way_draws_the_same(ctx: Recorded, checkpoint: Checkpoint) -> None:
    plain = drawn(ctx, checkpoint, checkpoint.model)
    assert torch.equal(drawn(ctx, checkpoint, choose_attention(model=checkpoint.model)), plain)
    parts = choose_attention(model=checkpoint.model, attention="split")
    torch.testing.assert_close(drawn(ctx, checkpoint, parts), plain, rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match=r"attention of sage cannot be used here: .*; there are torch"):
        choose_attention(model=checkpoint.model, attention="sage")
