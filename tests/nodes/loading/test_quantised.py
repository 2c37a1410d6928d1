"""Weights that are packed while a file is opened, or afterwards, in whole graphs."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from loaders.packing import FORMATS, SPARED, Chosen, kept, named_parts
from models.adapters.patch import Patched, applied
from models.adapters.weight_change import PatchedWeights
from models.packed.tensor import Packed, dense
from nodes.api.precision import Precision
from nodes.conditioning.text import encode
from nodes.latent.vae import decode
from nodes.loading.checkpoint import load_checkpoint
from nodes.loading.clip import load_clip
from nodes.loading.lora import load_lora_for_model
from nodes.loading.quantised import (
    AS_IT_IS,
    load_checkpoint_quantized,
    load_diffusion_model_quantized,
    quantize_clip,
    quantize_model,
)
from nodes.loading.unet import load_diffusion_model
from nodes.loading.vae import load_vae
from schedulers.latent import LatentBatch
from tests.fixtures.checkpoints import TINY_UNET, tiny_checkpoint, tiny_state

STATE = tiny_state()
UNET = "model.diffusion_model."
ATTENTION = "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"


@pytest.fixture
def checkpoint(ctx: Any, tmp_path: Path) -> Path:
    del ctx
    path = tmp_path / "models" / "checkpoints" / "tiny.safetensors"
    tiny_checkpoint(path, state=STATE)
    unet = {name: tensor for name, tensor in STATE.items() if name.startswith(UNET)}
    save_file(unet, tmp_path / "models" / "diffusion_models" / "tiny.safetensors")
    return path


def drawn(model: Patched[Any]) -> torch.Tensor:
    """What a network makes of fixed noise."""
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(1, 4, 8, 8, generator=generator)
    context = torch.randn(1, 7, TINY_UNET.context_width, generator=generator)
    with applied(model) as base, torch.no_grad():
        made: torch.Tensor = base.network(noise, torch.tensor([500.0]), context)
    return made


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


def words(ctx: Any, clip: Patched[Any]) -> torch.Tensor:
    """What a text encoder makes of a text, in 32 bits."""
    made: torch.Tensor = encode(ctx, "a cat", clip)[0].embedding
    return made.float()


def packed_names(network: nn.Module) -> set[str]:
    return {name for name, parameter in network.named_parameters() if isinstance(parameter, Packed)}


# How far a prediction of this network, which makes much of small errors, may be from the one in 32 bits.
FAR = {
    "float8_e4m3fn": 0.16,
    "float8_e5m2": 0.32,
    "float8_e4m3fn_rowwise": 0.16,
    "int8": 0.06,
    "int8_convrot": 0.06,
    "mxfp8": 0.16,
    "int4": 0.6,
    "nf4": 0.6,
    "fp4": 0.7,
    "nvfp4": 0.6,
    "w4a8_convrot": 0.6,
}


def unpacked(model: Patched[Any]) -> Patched[Any]:
    """The same model with plain numbers for weights."""
    made = copy.deepcopy(model)
    for name, parameter in list(made.base.network.named_parameters()):
        path, _, last = name.rpartition(".")
        plain = nn.Parameter(dense(parameter), requires_grad=False)
        made.base.network.get_submodule(path).register_parameter(last, plain)
    assert not packed_names(made.base.network)
    return made


@pytest.mark.parametrize("kind", FORMATS)
def test_a_checkpoint_is_packed_while_it_is_read_and_draws_much_the_same(ctx, checkpoint, kind: str) -> None:
    whole, *_ = load_checkpoint(ctx, checkpoint.name)
    model, same_clip, _ = load_checkpoint_quantized(ctx, checkpoint.name, kind)
    names = packed_names(model.base.network)
    assert ATTENTION in names
    assert not {name for name in names if name.startswith(SPARED) or "norm" in name}
    assert not packed_names(same_clip.base.network)
    assert 1e-5 < distance(drawn(model), drawn(whole)) < FAR[kind]
    assert torch.equal(drawn(model), drawn(unpacked(model)))
    taken = kept(model.base.network)
    assert sum(taken.packed.values()) == len(names)
    assert taken.stored_bytes < 0.62 * taken.dense_bytes == 0.62 * kept(whole.base.network).stored_bytes
    (line,) = ctx.shown["text"]
    assert line.startswith("model: ")
    assert "instead of" in line


@pytest.mark.parametrize("kind", ["float8_e4m3fn", "int8", "nf4"])
def test_packing_afterwards_makes_the_same(ctx, checkpoint, kind: str) -> None:
    while_read = load_diffusion_model_quantized(ctx, "tiny.safetensors", kind, "middle_block")
    whole = load_diffusion_model(ctx, "tiny.safetensors", "default")
    afterwards = quantize_model(ctx, whole, kind, "middle_block")
    assert packed_names(while_read.base.network) == packed_names(afterwards.base.network)
    assert not {name for name in packed_names(afterwards.base.network) if "middle_block" in name}
    assert torch.equal(drawn(while_read), drawn(afterwards))
    assert not packed_names(whole.base.network)
    again = quantize_model(ctx, afterwards, "fp4")
    assert packed_names(again.base.network) > packed_names(afterwards.base.network)
    assert kept(again.base.network).packed.keys() >= kept(afterwards.base.network).packed.keys()


def test_what_is_not_packed_afterwards_keeps_the_bits_of_the_file(ctx, checkpoint) -> None:
    save_file({name: tensor.half() for name, tensor in STATE.items()}, checkpoint)
    ctx.precision = Precision("bfloat16", text="bfloat16")
    model, clip, _ = load_checkpoint(ctx, checkpoint.name)
    words_in = "cond_stage_model.transformer."
    norm, table = "out.0.weight", "clip_l.text_model.embeddings.token_embedding.weight"
    for packed, name, place in (
        (quantize_model(ctx, model, "int8"), norm, UNET + norm),
        (quantize_clip(ctx, clip, "int8"), table, words_in + table.removeprefix("clip_l.")),
    ):
        assert packed_names(packed.base.network)
        assert packed.base.network.get_parameter(name).dtype is torch.bfloat16
        read = PatchedWeights(packed, is_exact=True).read(name)
        assert torch.equal(read, STATE[place].half())


def test_everything_can_be_packed_but_norms_and_embeddings(ctx, checkpoint) -> None:
    model, clip, _ = load_checkpoint_quantized(ctx, checkpoint.name, "int8", "nf4", "", True)
    assert {"time_embed.0.weight", "out.2.weight"} & packed_names(model.base.network)
    texts = packed_names(clip.base.network)
    assert texts
    assert not {name for name in texts if "embedding" in name or "norm" in name}
    assert any("clip: " in line for line in ctx.shown["text"])


def test_a_text_encoder_is_packed_with_its_words_as_they_are(ctx, checkpoint) -> None:
    _, clip, _ = load_checkpoint(ctx, checkpoint.name)
    packed = quantize_clip(ctx, clip, "int8", "layers.0")
    names = packed_names(packed.base.network)
    assert names
    assert not {name for name in names if ".layers.0." in name}
    one, other = (words(ctx, which) for which in (clip, packed))
    assert 1e-6 < distance(other, one) < 0.02


def test_a_lora_on_packed_weights_does_what_it_does_on_others(ctx, checkpoint, tmp_path: Path) -> None:
    shape = STATE[f"{UNET}{ATTENTION}"].shape
    stem = "lora_unet_" + ATTENTION.removesuffix(".weight").replace(".", "_")
    generator = torch.Generator().manual_seed(1)
    tensors = {
        f"{stem}.lora_up.weight": torch.randn(shape[0], 4, generator=generator),
        f"{stem}.lora_down.weight": torch.randn(4, shape[1], generator=generator),
    }
    save_file(tensors, tmp_path / "models" / "loras" / "x.safetensors")
    whole, *_ = load_checkpoint(ctx, checkpoint.name)
    packed, *_ = load_checkpoint_quantized(ctx, checkpoint.name, "int8")
    changed = load_lora_for_model(ctx, model=whole, lora_name="x.safetensors")
    changed_packed = load_lora_for_model(ctx, model=packed, lora_name="x.safetensors")
    assert distance(drawn(changed), drawn(whole)) > 0.05
    assert distance(drawn(changed_packed), drawn(changed)) < FAR["int8"]
    assert torch.equal(drawn(packed), drawn(packed))
    assert packed_names(packed.base.network)


def test_what_a_file_has_packed_stays_as_it_is(ctx, checkpoint, tmp_path: Path) -> None:
    eight = {name: t.to(torch.float8_e4m3fn) if t.ndim > 1 else t for name, t in STATE.items()}
    save_file(eight, checkpoint)
    model, clip, _ = load_checkpoint_quantized(ctx, checkpoint.name, "nf4", AS_IT_IS)
    assert kept(model.base.network).packed.keys() == {"float8_e4m3fn"}
    assert kept(clip.base.network).packed.keys() == {"float8_e4m3fn"}
    numbers = model.base.network.get_parameter(ATTENTION)
    assert torch.equal(dense(numbers), eight[f"{UNET}{ATTENTION}"].float())


@pytest.mark.parametrize("stored", ["float8_e4m3fn", "float8_e5m2"])
def test_the_app_can_be_told_to_store_eight_bits(ctx, checkpoint, stored: str, monkeypatch) -> None:
    ctx.precision = Precision(diffusion_stored=stored, text=stored)
    model, clip, vae = load_checkpoint(ctx, checkpoint.name)
    for part in (model, clip):
        assert kept(part.base.network).packed.keys() == {stored}
    assert not packed_names(vae.base.network)
    assert packed_names(load_diffusion_model(ctx, "tiny.safetensors", "default").base.network)


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32"])
def test_text_encoders_and_autoencoders_run_in_the_type_that_is_asked_for(ctx, checkpoint, name: str) -> None:
    _, exact, exact_vae = load_checkpoint(ctx, checkpoint.name)
    ctx.precision = Precision(text=name, vae=name, vae_on_cpu=True)
    _, clip, vae = load_checkpoint(ctx, checkpoint.name)
    assert {p.dtype for p in clip.base.network.parameters()} == {getattr(torch, name)}
    assert {p.dtype for p in vae.base.network.parameters()} == {getattr(torch, name)}
    assert vae.base.network.stays_on_cpu
    one, other = (words(ctx, which) for which in (exact, clip))
    assert distance(other, one) < 0.02
    latent = LatentBatch(torch.randn(1, 4, 8, 8))
    assert (decode(ctx, latent, vae) - decode(ctx, latent, exact_vae)).abs().mean() < 0.02


def test_autoencoders_and_text_encoders_of_their_own_are_kept_so_too(ctx, checkpoint, tmp_path: Path) -> None:
    for folder, prefix in (("vae", "first_stage_model."), ("text_encoders", "cond_stage_model.transformer.")):
        part = {n.removeprefix(prefix): t for n, t in STATE.items() if n.startswith(prefix)}
        save_file(part, tmp_path / "models" / folder / "x.safetensors")
    ctx.precision = Precision(text="float8_e4m3fn", vae="bfloat16")
    assert packed_names(load_clip(ctx, "x.safetensors", "stable_diffusion").base.network)
    vae = load_vae(ctx, "x.safetensors").base.network
    assert {parameter.dtype for parameter in vae.parameters()} == {torch.bfloat16}


def test_names_are_taken_from_a_text() -> None:
    assert named_parts(" attn2,middle_block \n out. ,") == ("attn2", "middle_block", "out")
    chosen = Chosen(FORMATS["int8"], ("to_out", "attn"), everywhere=True)
    assert chosen._spares("blocks.0.attn.to_q.weight")
    assert not chosen._spares("blocks.0.attn2.to_q.weight")
