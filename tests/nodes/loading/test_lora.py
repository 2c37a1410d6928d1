"""Do the nodes that load LoRAs change what they say, and say what they change?"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.checkpoint import Checkpoint
from loaders.errors import UnknownFormat
from models.adapters.patch import Patched, applied
from nodes.api.errors import NodeError
from nodes.loading.lora import (
    load_lora,
    load_lora_beside,
    load_lora_beside_model,
    load_lora_by_block,
    load_lora_for_model,
)
from tests.nodes.conftest import Recorded

IN = "input_blocks.1.1.transformer_blocks.0.attn1.to_q"
OUT = "output_blocks.1.1.transformer_blocks.0.attn2.to_v"
TEXT = "text_model.encoder.layers.0.self_attn.v_proj"
STRENGTHS = {"strength_model": 1.0, "strength_clip": 1.0}
Write = Callable[..., str]


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.fixture
def write(checkpoint: Checkpoint, tmp_path: Path) -> Write:
    def write(*modules: str, name: str = "style.safetensors", **more: Tensor) -> str:
        networks = {"model": checkpoint.model.base.network, "clip": checkpoint.clip.base.network["clip_l"]}
        tensors = dict(more)
        for module in modules:
            stem = ("lora_te_" if module == TEXT else "lora_unet_") + module.replace(".", "_")
            shape = networks["clip" if module == TEXT else "model"].get_parameter(f"{module}.weight").shape
            tensors[f"{stem}.lora_up.weight"] = random(shape[0], 2)
            tensors[f"{stem}.lora_down.weight"] = random(2, shape[1])
        path = tmp_path / "models/loras" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, path)
        return name

    return write


def change(patched: Patched[Any], plain: Patched[Any], module: str) -> Tensor:
    with applied(patched) as base:
        got = base.network.get_parameter(f"{module}.weight").clone()
    return got - plain.base.network.get_parameter(f"{module}.weight")


def test_strengths_of_model_and_text_are_apart(ctx: Recorded, checkpoint: Checkpoint, write: Write) -> None:
    name = write(IN, TEXT)
    model, clip = load_lora(
        ctx,
        model=checkpoint.model,
        clip=checkpoint.clip,
        lora_name=name,
        strength_model=-0.5,
        strength_clip=2.0,
    )
    size = random(32, 2) @ random(2, 32)
    torch.testing.assert_close(change(model, checkpoint.model, IN), -0.5 * size, rtol=1e-3, atol=1e-5)
    wide = random(64, 2) @ random(2, 64)
    got = change(clip, checkpoint.clip, f"clip_l.{TEXT}")
    torch.testing.assert_close(got, 2.0 * wide, rtol=1e-3, atol=3e-3)
    only, untouched = load_lora(
        ctx, model=checkpoint.model, clip=checkpoint.clip, lora_name=name, strength_clip=0.0
    )
    assert untouched is checkpoint.clip
    assert only is not checkpoint.model


def test_strengths_of_zero_give_the_same_objects_and_read_nothing(
    ctx: Recorded, checkpoint: Checkpoint
) -> None:
    values = {"model": checkpoint.model, "lora_name": "not there", "strength_model": 0.0}
    both = {**values, "clip": checkpoint.clip, "strength_clip": 0.0}
    for load in (load_lora, load_lora_beside):
        assert load(ctx, **both) == (checkpoint.model, checkpoint.clip)
    for load_one in (load_lora_for_model, load_lora_beside_model):
        assert load_one(ctx, **values) is checkpoint.model


def test_the_node_shows_what_matched_by_part(ctx: Recorded, checkpoint: Checkpoint, write: Write) -> None:
    load_lora(ctx, model=checkpoint.model, clip=checkpoint.clip, lora_name=write(IN, OUT, TEXT))
    assert ctx.shown["text"] == [
        "style.safetensors (kohya)",
        "network: 4 tensors matched, 2 weights changed",
        "text encoder: 2 tensors matched, 1 weights changed",
    ]


def test_what_does_not_match_is_warned_about_by_part(
    ctx: Recorded, checkpoint: Checkpoint, write: Write
) -> None:
    strange = {"lora_unet_middle_block_9.lora_up.weight": random(2, 2), "lora_te_x.alpha": random(1)}
    name = write(IN, TEXT, **strange)
    load_lora(ctx, model=checkpoint.model, clip=checkpoint.clip, lora_name=name)
    assert ctx.shown["text"] == [
        "Warning: 2 of 6 tensors changed nothing.",
        "style.safetensors (kohya)",
        "network: 2 tensors matched, 1 weights changed; unmatched 1: lora_unet_middle_block_9.lora_up.weight",
        "text encoder: 2 tensors matched, 1 weights changed; unmatched 1: lora_te_x.alpha",
    ]


def test_a_part_that_is_not_connected_is_left_out_without_a_warning(
    ctx: Recorded, checkpoint: Checkpoint, write: Write
) -> None:
    load_lora_for_model(ctx, model=checkpoint.model, lora_name=write(IN, TEXT))
    assert ctx.shown["text"][-1] == "text encoder: left out, 2 tensors are for it"


def test_a_file_for_the_text_encoder_alone_is_refused_for_a_model_alone(
    ctx: Recorded, checkpoint: Checkpoint, write: Write
) -> None:
    with pytest.raises(UnknownFormat, match="Everything in it is for a text encoder, which is not connected"):
        load_lora_for_model(ctx, model=checkpoint.model, lora_name=write(TEXT))


def test_a_file_for_another_family_is_refused_with_what_both_are(
    ctx: Recorded, checkpoint: Checkpoint, write: Write
) -> None:
    name = write(
        name="wrong.safetensors",
        **{
            "lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": random(4, 8),
            "lora_unet_double_blocks_0_img_attn_qkv.lora_up.weight": random(8, 4),
        },
    )
    with pytest.raises(UnknownFormat) as refused:
        load_lora(ctx, model=checkpoint.model, clip=checkpoint.clip, lora_name=name)
    text = str(refused.value)
    assert "wrong.safetensors is not a LoRA for this model" in text
    assert "It looks like a LoRA for Flux" in text
    assert "the model is tiny.safetensors of family sd15 and the text encoder is clip_l" in text


@pytest.mark.parametrize("load", [load_lora_beside, load_lora_beside_model])
def test_a_lora_beside_the_weights_draws_the_same(
    ctx: Recorded, checkpoint: Checkpoint, write: Write, load: Any
) -> None:
    name = write(IN, OUT, TEXT)
    values = {"model": checkpoint.model, "lora_name": name, "strength_model": 0.7}
    expected = load_lora_for_model(ctx, **values)
    if load is load_lora_beside:
        got, clip = load(ctx, clip=checkpoint.clip, **values)
        assert clip is not checkpoint.clip
    else:
        got = load(ctx, **values)
    x, t, context = random(1, 4, 8, 8), torch.tensor([9.0]), random(1, 7, 64)
    results = []
    for patched in (expected, got, checkpoint.model):
        with applied(patched) as base, torch.no_grad():
            results.append(base.network(x, t, context))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(results[0], results[2], atol=1e-3)


def test_blocks_get_their_own_strengths(ctx: Recorded, checkpoint: Checkpoint, write: Write) -> None:
    values = {"model": checkpoint.model, "clip": checkpoint.clip, "lora_name": write(IN, OUT, TEXT)}
    whole = load_lora(ctx, **values, **STRENGTHS)
    weighted = load_lora_by_block(
        ctx, **values, strength_model=0.5, block_weights="BASE=0, IN01=0.5, OUT01-OUT02=-1"
    )
    for module, share in ((IN, 0.25), (OUT, -0.5)):
        expected = share * change(whole[0], checkpoint.model, module)
        torch.testing.assert_close(
            change(weighted[0], checkpoint.model, module), expected, rtol=1e-3, atol=1e-5
        )
    assert weighted[1] is checkpoint.clip


def test_block_weights_that_cannot_be_read_are_refused(ctx: Recorded, checkpoint: Checkpoint) -> None:
    with pytest.raises(NodeError, match="3 numbers are given"):
        load_lora_by_block(
            ctx, model=checkpoint.model, clip=checkpoint.clip, lora_name="x", block_weights="1,2,3"
        )
