"""Networks of GGUF files are opened by nodes, draw what dense ones draw, and can be changed like them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from executor.session import Session
from loaders.families.ldm_unet import diffusers_prefixes, levels_of, translate
from models.adapters.patch import applied
from models.packed.tensor import Packed, stored_bytes
from models.unet.config import UNetConfig
from nodes.api.errors import NodeError
from nodes.conditioning.text import encode
from nodes.loading.anything import OUTPUTS, load_anything
from nodes.loading.checkpoint import load_checkpoint
from nodes.loading.clip import load_clip, load_two_clips
from nodes.loading.gguf import load_clip_gguf, load_two_clips_gguf, load_unet, load_unet_advanced
from nodes.loading.lora import load_lora_for_model
from nodes.loading.unet import load_diffusion_model
from tests.fixtures.checkpoints import TINY_UNET, tiny_checkpoint, tiny_state
from tests.fixtures.gguf_files import write_gguf
from tests.fixtures.text_encoders import encoder_state

PREFIX = "model.diffusion_model."
TINY_XL = UNetConfig(
    channels=32,
    multipliers=(1, 2),
    input_depths=((0,), (2,)),
    output_depths=((0, 0), (2, 2)),
    middle_depth=2,
    context_width=2048,
    heads=None,
    linear_projections=True,
    vector_width=2816,
)
TINY_2 = replace(TINY_UNET, context_width=1024, heads=None, linear_projections=True)
QUERY = "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"


def unet_state(config: UNetConfig | None = None) -> dict[str, Tensor]:
    whole = tiny_state() if config is None else tiny_state(unet=config)
    return {name.removeprefix(PREFIX): tensor for name, tensor in whole.items() if name.startswith(PREFIX)}


def put(folder: Path, state: Mapping[str, Tensor], **options: Any) -> None:
    write_gguf(folder / "models" / "diffusion_models" / "x.gguf", state, **options)


def packed(network: nn.Module) -> dict[str, Packed]:
    return {name: p for name, p in network.named_parameters() if isinstance(p, Packed)}


@pytest.mark.parametrize("kind", ["F16", "BF16", "Q8_0", "Q5_1", "Q4_K", "IQ4_XS"])
@pytest.mark.parametrize("rearranged", [False, True])
def test_a_network_is_opened_packed(ctx, tmp_path: Path, kind: str, rearranged: bool) -> None:
    state = unet_state()
    put(tmp_path, state, kind=kind, rearranged=rearranged)
    network = load_unet(ctx, "x.gguf").base.network
    few = packed(network)
    assert bool(few) == (kind[0] in "QI") == ("text" in ctx.shown)
    assert all(parameter.ndim > 1 for parameter in few.values())
    if rearranged and few:
        assert any(parameter.ndim == 4 for parameter in few.values())
    loss = {"F16": 1e-3, "BF16": 1e-2, "Q8_0": 0.01, "Q5_1": 0.05, "Q4_K": 0.09, "IQ4_XS": 0.09}[kind]
    for name, parameter in network.named_parameters():
        difference = (parameter.detach().to(torch.float64) - state[name]).norm() / state[name].norm()
        assert difference < loss


@pytest.mark.parametrize("layout", ["original", "prefixed", "diffusers"])
@pytest.mark.parametrize(
    ("config", "family"), [(None, "sd15"), (TINY_2, "sd2"), (TINY_XL, "sdxl")], ids=["sd1", "sd2", "sdxl"]
)
def test_layouts_and_prefixes_are_read_alike(
    ctx, tmp_path: Path, layout: str, config: UNetConfig | None, family: str
) -> None:
    state = unet_state(config)
    table = diffusers_prefixes(levels_of(config or TINY_UNET))
    named = {
        "original": lambda: state,
        "prefixed": lambda: {PREFIX + name: tensor for name, tensor in state.items()},
        "diffusers": lambda: {str(translate(name, table)): tensor for name, tensor in state.items()},
    }[layout]()
    put(tmp_path, named, kind="Q8_0", fields={"general.architecture": "sdxl" if family == "sdxl" else "sd1"})
    patched = load_unet(ctx, "x.gguf")
    assert patched.base.family == family
    for name, parameter in patched.base.network.named_parameters():
        assert (parameter.detach().to(torch.float64) - state[name]).norm() / state[name].norm() < 0.01


def test_every_loader_takes_gguf(ctx, tmp_path: Path) -> None:
    put(tmp_path, unet_state())
    wanted = packed(load_unet(ctx, "x.gguf").base.network)
    anything = dict(zip(OUTPUTS, load_anything(ctx, file="diffusion_models/x.gguf"), strict=True))
    for model in (
        load_unet_advanced(ctx, "x.gguf", "float16", "target", True),
        load_diffusion_model(ctx, "x.gguf", "default"),
        anything["MODEL"],
    ):
        made = packed(model.base.network)
        assert list(made) == list(wanted)
        assert all(torch.equal(made[name].unpacked(), wanted[name].unpacked()) for name in wanted)
    assert ctx.files.names("unet_gguf") == ["x.gguf"]
    assert "x.gguf" in ctx.files.names("diffusion_models")
    assert "x.gguf" not in ctx.files.names("clip_gguf")


def test_text_encoders_are_opened_packed_in_either_layout(ctx, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "text_encoders"
    for name in ("clip_l", "clip_g"):
        state = {name: tensor.clone().contiguous() for name, tensor in encoder_state(name).items()}
        write_gguf(folder / f"{name}.gguf", state, "Q8_0", {"general.architecture": "clip"})
        save_file(state, folder / f"{name}.safetensors")
    clip = load_two_clips_gguf(ctx, "clip_g.gguf", "clip_l.gguf", "sdxl")
    few = packed(clip.base.network)
    for name in ("clip_l", "clip_g"):
        assert f"{name}.text_model.encoder.layers.1.self_attn.k_proj.weight" in few
    dense = load_two_clips(ctx, "clip_g.safetensors", "clip_l.safetensors", "sdxl")
    (made,), (wanted,) = encode(ctx, "a red cat", clip), encode(ctx, "a red cat", dense)
    assert (made.embedding - wanted.embedding).norm() / wanted.embedding.norm() < 0.05
    assert not torch.equal(made.embedding, wanted.embedding)
    for load in (load_clip_gguf, load_clip):
        (alone,) = encode(ctx, "a red cat", load(ctx, "clip_l.gguf", "stable_diffusion"))
        assert alone.embedding.shape == (1, 77, 64)
    with pytest.raises(NodeError, match="CLIP-L as another file does"):
        load_two_clips_gguf(ctx, "clip_l.gguf", "clip_l.safetensors", "sdxl")


def test_a_whole_checkpoint_may_be_gguf(ctx, tmp_path: Path) -> None:
    write_gguf(tmp_path / "models" / "checkpoints" / "x.gguf", tiny_state(), "Q8_0")
    model, clip, vae = load_checkpoint(ctx, "x.gguf")
    assert packed(model.base.network)
    assert packed(clip.base.network)
    assert vae is not None


def graph(loader: dict[str, Any]) -> dict[str, Any]:
    text = {"class_type": "CLIPTextEncode", "inputs": {"clip": ["2", 1], "text": "a red circle"}}
    sample = {
        "model": ["1", 0], "positive": ["3", 0], "negative": ["3", 0], "latent_image": ["4", 0], "seed": 5,
        "steps": 3, "cfg": 1.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
    }  # fmt: skip
    return {
        "1": loader,
        "2": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "tiny.safetensors"}},
        "3": text,
        "4": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "5": {"class_type": "KSampler", "inputs": sample},
        "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["2", 2]}},
        "7": {"class_type": "PreviewImage", "inputs": {"images": ["6", 0]}},
    }


def test_whole_graphs_draw_what_dense_networks_draw_within_the_error_of_the_format(
    tmp_path: Path,
) -> None:
    tiny_checkpoint(tmp_path / "models" / "checkpoints" / "tiny.safetensors", dtype=torch.float32)
    folder = tmp_path / "models" / "diffusion_models"
    for kind in ("Q8_0", "Q4_0"):
        write_gguf(folder / f"{kind}.gguf", unet_state(), kind, rearranged=True)
    loaders = [
        {"class_type": "UNETLoader", "inputs": {"unet_name": "dense.safetensors", "weight_dtype": "default"}},
        *({"class_type": "UnetLoaderGGUF", "inputs": {"unet_name": f"{k}.gguf"}} for k in ("Q8_0", "Q4_0")),
    ]
    save_file(unet_state(), folder / "dense.safetensors")
    with Session(tmp_path, cpu=True) as session:
        dense, fine, coarse = (session.run(graph(loader)).tensors[0] for loader in loaders)
    near, far = (fine - dense).abs().mean(), (coarse - dense).abs().mean()
    assert 0 < near < 0.01
    assert near < far < 0.1


def test_loras_change_packed_weights_within_the_error_of_the_format(ctx, tmp_path: Path) -> None:
    put(tmp_path, unet_state())
    generator = torch.Generator().manual_seed(2)
    down, up = torch.randn(2, 32, generator=generator), torch.randn(32, 2, generator=generator)
    stem = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q"
    lora = {
        f"{stem}.lora_down.weight": down,
        f"{stem}.lora_up.weight": up,
        f"{stem}.alpha": torch.tensor(2.0),
    }
    save_file(lora, tmp_path / "models" / "loras" / "x.safetensors")
    model = load_unet(ctx, "x.gguf")
    changed = load_lora_for_model(ctx, model=model, lora_name="x.safetensors", strength_model=0.5)
    layer = model.base.network.get_submodule(QUERY.removesuffix(".weight"))
    given = torch.randn(3, 32, generator=generator)
    with torch.no_grad():
        before = layer(given)
        with applied(changed):
            made = layer(given)
        torch.testing.assert_close(made, before + 0.5 * given @ down.T @ up.T)
        assert torch.equal(layer(given), before)
    assert isinstance(layer.weight, Packed)


def test_little_more_than_the_file_is_held(ctx, tmp_path: Path) -> None:
    put(tmp_path, unet_state(), kind="Q4_0", rearranged=True)
    network = load_unet(ctx, "x.gguf").base.network
    held = sum(stored_bytes(parameter) for parameter in network.parameters())
    assert held < 1.05 * (tmp_path / "models" / "diffusion_models" / "x.gguf").stat().st_size
