"""What is saved has the bits of the files it comes from, and what is packed stays so."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from loaders import assemble
from loaders.packing import FORMATS, kept
from models.adapters.patch import Patched
from models.packed.affine import Affine
from models.packed.tensor import Packed, dense
from nodes.api.precision import Precision
from nodes.loading.checkpoint import load_checkpoint
from nodes.loading.lora import load_lora_for_model
from nodes.loading.quantised import load_checkpoint_quantized
from nodes.loading.unet import load_diffusion_model
from nodes.model.merge import merge_models
from nodes.saving.model import save_checkpoint, save_model
from tests.fixtures.checkpoints import tiny_state

STATE = tiny_state()
OTHER = {name: tensor * 1.01 for name, tensor in STATE.items()}
UNET = "model.diffusion_model."
QUERY = "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"
SAVED = "diffusion_models/ComfyUI_00001_.safetensors"


@pytest.fixture
def folder(ctx: Any, tmp_path: Path) -> Path:
    """Two checkpoints of 16 bits, and a machine that computes in others."""
    ctx.precision = Precision("bfloat16")
    for name, state in (("one", STATE), ("two", OTHER)):
        half = {key: tensor.half() for key, tensor in state.items()}
        save_file(half, tmp_path / "models" / "checkpoints" / f"{name}.safetensors")
    return tmp_path


def saved(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "output" / SAVED)


def parameters(model: Patched[Any]) -> dict[str, torch.Tensor]:
    return {name: dense(value) for name, value in model.base.network.named_parameters()}


@pytest.mark.parametrize("size_from", [50_000_000, 0], ids=["small", "kept in 16 bits"])
def test_weights_are_saved_with_the_bits_of_the_file(ctx, folder: Path, size_from: int, monkeypatch) -> None:
    monkeypatch.setattr(assemble, "_WIDENED_NETWORK", size_from)
    monkeypatch.setattr(assemble, "_WIDENED_WEIGHT", 1 << 10)
    model, clip, vae = load_checkpoint(ctx, "one.safetensors")
    assert model.base.network.get_parameter(QUERY).dtype is torch.bfloat16
    save_model(ctx, model)
    made = saved(folder)
    assert all(torch.equal(made[UNET + name], STATE[UNET + name].half()) for name in parameters(model))
    save_checkpoint(ctx, model, clip, vae)
    whole = load_file(folder / "output" / "checkpoints" / "ComfyUI_00001_.safetensors")
    there = {name for name in whole if not name.endswith("position_ids")}
    assert all(torch.equal(whole[name], STATE[name].half()) for name in there)


def test_mixtures_are_made_of_the_bits_of_both_files(ctx, folder: Path) -> None:
    one, *_ = load_checkpoint(ctx, "one.safetensors")
    two, *_ = load_checkpoint(ctx, "two.safetensors")
    save_model(ctx, merge_models(ctx, one, two, 0.25))
    made = saved(folder)[UNET + QUERY]
    exact = 0.25 * STATE[UNET + QUERY].half().float() + 0.75 * OTHER[UNET + QUERY].half().float()
    assert made.dtype is torch.float16
    assert torch.equal(made, exact.half())


def test_a_file_that_is_gone_is_told_of(ctx, folder: Path) -> None:
    model, *_ = load_checkpoint(ctx, "one.safetensors")
    (folder / "models" / "checkpoints" / "one.safetensors").unlink()
    save_model(ctx, model)
    assert any("saved with fewer bits" in line for line in ctx.shown["text"])
    rounded = STATE[UNET + QUERY].half().bfloat16()
    assert torch.equal(saved(folder)[UNET + QUERY].bfloat16(), rounded)


@pytest.mark.parametrize("kind", [name for name in FORMATS if name != "int4"])
def test_packed_weights_are_saved_as_they_are_and_open_as_the_same(ctx, folder: Path, kind: str) -> None:
    model, *_ = load_checkpoint_quantized(ctx, "one.safetensors", kind)
    save_model(ctx, model)
    packed = kept(model.base.network).packed
    assert any("are saved as they are packed" in line for line in ctx.shown["text"])
    path = folder / "output" / SAVED
    path.rename(folder / "models" / "diffusion_models" / "again.safetensors")
    again = load_diffusion_model(ctx, "again.safetensors", "default")
    ours, theirs = parameters(again), parameters(model)
    # Convolutions in blocks have no form in such files, and are saved in 16 bits.
    flat = {name for name, tensor in theirs.items() if tensor.ndim == 2}
    assert kept(again.base.network).packed == packed or kind in ("mxfp8", "nvfp4")
    assert all(
        torch.equal(ours[name], theirs[name]) for name in (flat if kind in ("mxfp8", "nvfp4") else ours)
    )


def test_what_has_no_form_in_files_of_tensors_is_saved_in_16_bits(ctx, folder: Path) -> None:
    assert isinstance(FORMATS["int4"], Affine)
    model, *_ = load_checkpoint_quantized(ctx, "one.safetensors", "int4")
    save_model(ctx, model)
    assert any("packed weights are saved in 16 bits" in line for line in ctx.shown["text"])
    made = saved(folder)[UNET + QUERY]
    packed = model.base.network.get_parameter(QUERY)
    assert isinstance(packed, Packed)
    assert torch.equal(made, packed.unpacked(torch.bfloat16))


def test_packed_weights_that_a_lora_changes_are_saved_changed(ctx, folder: Path) -> None:
    stem = "lora_unet_" + QUERY.removesuffix(".weight").replace(".", "_")
    shape = STATE[UNET + QUERY].shape
    up, down = torch.randn(shape[0], 2), torch.randn(2, shape[1])
    tensors = {f"{stem}.lora_up.weight": up, f"{stem}.lora_down.weight": down}
    save_file(tensors, folder / "models" / "loras" / "x.safetensors")
    model, *_ = load_checkpoint_quantized(ctx, "one.safetensors", "int8")
    changed = load_lora_for_model(ctx, model=model, lora_name="x.safetensors")
    save_model(ctx, changed)
    made = saved(folder)
    packed = model.base.network.get_parameter(QUERY)
    expected = packed.unpacked(torch.float32) + up @ down
    assert torch.equal(made[UNET + QUERY], expected.half())
    assert f"{UNET}{QUERY.removesuffix('.weight')}.comfy_quant" not in made
    assert (
        sum(name.endswith(".comfy_quant") for name in made)
        == len([True for value in model.base.network.parameters() if isinstance(value, Packed)]) - 1
    )
