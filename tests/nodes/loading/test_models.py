from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.folders import Folders
from models.adapters.patch import applied
from nodes.api.errors import NodeError
from nodes.loading.checkpoint import load_checkpoint
from nodes.loading.lora import load_lora, load_lora_for_model
from nodes.loading.vae import load_vae
from tests.fixtures.checkpoints import tiny_checkpoint, tiny_state

QUERY = "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"
TEXT = "clip_l.text_model.encoder.layers.0.self_attn.q_proj.weight"


def lora_tensors(model: bool = True, clip: bool = True, rank: int = 2) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(9)
    tensors: dict[str, Tensor] = {}
    stems = []
    if model:
        stems.append(("lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q", 32))
    if clip:
        stems.append(("lora_te_text_model_encoder_layers_0_self_attn_q_proj", 64))
    for stem, width in stems:
        tensors[f"{stem}.lora_up.weight"] = torch.randn(width, rank, generator=generator)
        tensors[f"{stem}.lora_down.weight"] = torch.randn(rank, width, generator=generator)
        tensors[f"{stem}.alpha"] = torch.tensor(float(rank))
    return tensors


@pytest.fixture
def put_lora(folders: Folders, tmp_path: Path) -> Any:
    def put(name: str = "style.safetensors", **parts: Any) -> str:
        save_file(lora_tensors(**parts), tmp_path / "models" / "loras" / name)
        return name

    return put


def weight(patched: Any, name: str) -> Tensor:
    with applied(patched) as base:
        return base.network.get_parameter(name).detach().clone()


def test_a_checkpoint_gives_three_models(ctx, tmp_path) -> None:
    tiny_checkpoint(tmp_path / "models" / "checkpoints" / "sub" / "tiny.safetensors")
    model, clip, vae = load_checkpoint(ctx, "sub/tiny.safetensors")
    assert model.base.family == "sd15"
    assert clip.base.tokenizer is not None
    assert vae.base.latent.channels == 4
    assert ctx.shown == {}


def test_tensors_that_nobody_wanted_are_shown(ctx, tmp_path) -> None:
    state = tiny_state() | {"model.diffusion_model.stranger.weight": torch.zeros(2)}
    tiny_checkpoint(tmp_path / "models" / "checkpoints" / "tiny.safetensors", state=state)
    load_checkpoint(ctx, "tiny.safetensors")
    assert "1 unused: model.diffusion_model.stranger.weight" in ctx.shown["text"][0]


def test_a_missing_checkpoint_is_refused_by_name(ctx) -> None:
    with pytest.raises(NodeError, match=r"checkpoints has no file 'gone\.safetensors'"):
        load_checkpoint(ctx, "gone.safetensors")


def test_a_file_that_is_no_checkpoint_is_refused_by_name(ctx, tmp_path) -> None:
    (tmp_path / "models" / "checkpoints" / "text.safetensors").write_bytes(b"this is a text, no checkpoint")
    with pytest.raises(NodeError, match=r"text\.safetensors"):
        load_checkpoint(ctx, "text.safetensors")


def test_a_vae_of_its_own_is_opened(ctx, tmp_path) -> None:
    state = {
        name.removeprefix("first_stage_model."): value
        for name, value in tiny_state().items()
        if name.startswith("first_stage_model.")
    }
    save_file(state, tmp_path / "models" / "vae" / "kl.safetensors")
    assert load_vae(ctx, "kl.safetensors").base.latent.downscale == 8


def test_a_lora_changes_weights_while_it_is_applied(ctx, checkpoint, put_lora) -> None:
    name = put_lora()
    before = weight(checkpoint.model, QUERY), weight(checkpoint.clip, TEXT)
    model, clip = load_lora(
        ctx,
        model=checkpoint.model,
        clip=checkpoint.clip,
        lora_name=name,
        strength_model=0.5,
        strength_clip=-1.0,
    )
    tensors = lora_tensors()
    for patched, untouched, path, strength, stem in (
        (model, before[0], QUERY, 0.5, "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q"),
        (clip, before[1], TEXT, -1.0, "lora_te_text_model_encoder_layers_0_self_attn_q_proj"),
    ):
        delta = tensors[f"{stem}.lora_up.weight"] @ tensors[f"{stem}.lora_down.weight"]
        # The text encoder is kept as if in 16 bits.
        assert torch.allclose(weight(patched, path), untouched + strength * delta, rtol=1e-3, atol=1e-5)
    assert torch.equal(weight(checkpoint.model, QUERY), before[0])
    assert torch.equal(weight(checkpoint.clip, TEXT), before[1])
    told = ctx.shown["text"]
    assert told[0] == f"{name} (kohya)"
    assert [line.partition(": ")[2] for line in told[1:]] == ["3 tensors matched, 1 weights changed"] * 2


def test_loras_add_up(ctx, checkpoint, put_lora) -> None:
    name = put_lora()
    before = weight(checkpoint.model, QUERY)
    once = load_lora_for_model(ctx, model=checkpoint.model, lora_name=name, strength_model=1.0)
    twice = load_lora_for_model(ctx, model=once, lora_name=name, strength_model=1.0)
    none = load_lora_for_model(ctx, model=once, lora_name=name, strength_model=-1.0)
    assert torch.allclose(weight(twice, QUERY) - before, 2 * (weight(once, QUERY) - before), atol=1e-5)
    assert torch.allclose(weight(none, QUERY), before, atol=1e-5)


def test_strength_zero_gives_the_same_objects_without_opening_the_file(ctx, checkpoint) -> None:
    model, clip = load_lora(
        ctx,
        model=checkpoint.model,
        clip=checkpoint.clip,
        lora_name="gone.safetensors",
        strength_model=0.0,
        strength_clip=0.0,
    )
    assert model is checkpoint.model
    assert clip is checkpoint.clip
    same = load_lora_for_model(ctx, model=checkpoint.model, lora_name="gone.safetensors", strength_model=0.0)
    assert same is checkpoint.model


def test_one_strength_of_zero_leaves_that_part_alone(ctx, checkpoint, put_lora) -> None:
    model, clip = load_lora(
        ctx,
        model=checkpoint.model,
        clip=checkpoint.clip,
        lora_name=put_lora(),
        strength_model=0.0,
        strength_clip=1.0,
    )
    assert model is checkpoint.model
    assert len(clip.patches) == 1


def test_a_model_without_a_text_encoder_takes_its_part(ctx, checkpoint, put_lora) -> None:
    model, clip = load_lora(ctx, model=checkpoint.model, clip=None, lora_name=put_lora())
    assert clip is None
    assert len(model.patches) == 1


def test_a_lora_that_fits_nowhere_is_refused(ctx, checkpoint, put_lora, tmp_path) -> None:
    only_text = put_lora("text.safetensors", model=False)
    with pytest.raises(NodeError, match=r"text\.safetensors is not a LoRA for this model"):
        load_lora_for_model(ctx, model=checkpoint.model, lora_name=only_text)
    strange = {"lora_unet_somewhere_else.lora_up.weight": torch.zeros(4, 2)}
    save_file(strange, tmp_path / "models" / "loras" / "strange.safetensors")
    with pytest.raises(NodeError, match=r"strange\.safetensors is not a LoRA for this model"):
        load_lora(ctx, model=checkpoint.model, clip=checkpoint.clip, lora_name="strange.safetensors")
