"""Do saved models open again as what they were, under the names that other programs look for?"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from loaders.checkpoint import Checkpoint, open_checkpoint, open_diffusion, open_vae
from loaders.clip_files import open_text_encoders
from loaders.families.latents import PLAYGROUND
from models.adapters.deltas import Difference
from models.adapters.patch import Patched, applied
from models.adapters.weight_change import PatchedWeights
from models.adapters.weights import DeltaSet, WeightPatch
from models.diffusion import DiffusionModel, VaeModel
from models.noise import ContinuousLog, NoiseTable
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from models.vae.kl import AutoencoderKL
from models.vae.tiny import TinyAutoencoder, TinyConfig
from nodes.api.errors import NodeError
from nodes.saving.model import save_checkpoint, save_clip, save_model, save_vae
from tests.fixtures.checkpoints import TINY_VAE, redrawn
from tests.fixtures.text_encoders import encoder_state
from tests.nodes.conftest import MakeContext, Recorded

XL = UNetConfig(
    channels=32,
    multipliers=(1, 2),
    input_depths=((0,), (1,)),
    output_depths=((0, 0), (1, 1)),
    context_width=128,
    linear_projections=True,
    vector_width=2816,
)
PREFIXES = {"clip_l": "conditioner.embedders.0.transformer.", "clip_g": "conditioner.embedders.1.model."}


@pytest.fixture(scope="module")
def xl(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    path = tmp_path_factory.mktemp("models") / "xl.safetensors"
    networks = {"model.diffusion_model.": UNet(XL), "first_stage_model.": AutoencoderKL(TINY_VAE)}
    tensors: dict[str, Tensor] = {}
    for prefix, network in networks.items():
        tensors |= {prefix + name: t.contiguous() for name, t in redrawn(network, 3).state_dict().items()}
    for encoder, prefix in PREFIXES.items():
        tensors |= {prefix + name: t.half().contiguous() for name, t in encoder_state(encoder).items()}
    save_file(tensors, path)
    return open_checkpoint(path)


def changed(patched: Patched[Any], ending: str) -> Patched[Any]:
    """The model with one of its parameters changed by a patch."""
    name, parameter = next((n, p) for n, p in patched.base.network.named_parameters() if n.endswith(ending))
    difference = torch.linspace(0.5, 1.0, parameter.numel()).reshape(parameter.shape)
    return patched.with_patch(WeightPatch(DeltaSet({name: Difference(difference)}), 1.0))


def weights(patched: Patched[Any]) -> dict[str, Tensor]:
    there = PatchedWeights(patched)
    return {name: there.read(name) for name in there.shapes}


def assert_same(got: Patched[Any], wanted: Patched[Any], dtype: torch.dtype = torch.float32) -> None:
    ours, theirs = weights(got), weights(wanted)
    assert list(ours) == list(theirs)
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name].to(dtype).float()), name


def test_a_saved_checkpoint_opens_as_what_was_saved_patches_and_all(
    ctx: Recorded, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    model, clip = changed(checkpoint.model, "attn1.to_q.weight"), changed(checkpoint.clip, "q_proj.weight")
    save_checkpoint(ctx, model, clip, checkpoint.vae)
    again = open_checkpoint(tmp_path / "output/checkpoints/ComfyUI_00001_.safetensors")
    assert again.report.unexpected == ()
    assert_same(again.model, model)
    assert_same(again.clip, clip, torch.float16)
    assert_same(again.vae, checkpoint.vae)
    x, t, context = torch.randn(1, 4, 8, 8), torch.tensor([5.0]), torch.randn(1, 7, 64)
    with applied(model) as one, applied(again.model) as two, torch.no_grad():
        assert torch.equal(one.network(x, t, context), two.network(x, t, context))
    assert again.model.base.latent == checkpoint.model.base.latent


def test_a_saved_xl_checkpoint_has_its_encoders_in_their_own_layouts(
    ctx: Recorded, xl: Checkpoint, tmp_path: Path
) -> None:
    clip = changed(xl.clip, "self_attn.k_proj.weight")
    save_checkpoint(ctx, xl.model, clip, xl.vae, "mine/xl")
    path = tmp_path / "output/mine/xl_00001_.safetensors"
    names = set(load_file(path))
    for encoder, prefix in PREFIXES.items():
        kept = {prefix + name for name in encoder_state(encoder)}
        assert {
            name for name in kept - names if not name.endswith(("logit_scale", "text_projection.weight"))
        } == set()
    assert f"{PREFIXES['clip_l']}text_model.embeddings.position_ids" in names
    again = open_checkpoint(path)
    assert again.report.unexpected == ()
    assert again.report.family == "sdxl"
    assert_same(again.clip, clip, torch.float16)
    with safe_open(path, "pt") as file:
        about = file.metadata()
    assert about["modelspec.architecture"] == "stable-diffusion-xl-v1-base"
    assert about["modelspec.title"] == "xl 1"
    assert about["modelspec.predict_key"] == "epsilon"


def test_the_graph_is_in_the_header_unless_there_is_none(
    make_context: MakeContext, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    save_vae(make_context(prompt={"1": {}}, extra_pnginfo={"workflow": {"nodes": []}}), checkpoint.vae)
    with safe_open(tmp_path / "output/vae/ComfyUI_vae_00001_.safetensors", "pt") as file:
        assert json.loads(file.metadata()["prompt"]) == {"1": {}}
        assert json.loads(file.metadata()["workflow"]) == {"nodes": []}


SAMPLED = {
    "noise": {},
    "velocity": {"prediction": "v"},
    "velocity to the end": {"prediction": "v", "noise": NoiseTable(zero_terminal_snr=True)},
    "continuous velocity": {"prediction": "v", "noise": ContinuousLog(0.25, 50.0)},
    "playground": {
        "prediction": "edm",
        "noise": ContinuousLog(0.002, 80.0),
        "sigma_data": 0.5,
        "latent": PLAYGROUND,
    },
}


@pytest.mark.parametrize("name", SAMPLED)
def test_how_a_network_is_sampled_is_saved_with_it(
    ctx: Recorded, xl: Checkpoint, tmp_path: Path, name: str
) -> None:
    model: DiffusionModel = replace(xl.model.base, **SAMPLED[name])
    save_model(ctx, Patched(model), "xl")
    again = open_diffusion(tmp_path / "output/xl_00001_.safetensors").base
    assert (again.prediction, again.noise, again.sigma_data) == (
        model.prediction,
        model.noise,
        model.sigma_data,
    )
    assert again.latent == model.latent


def test_preview_colours_of_a_models_own_are_saved_with_it(
    ctx: Recorded, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    base = checkpoint.model.base
    colours = replace(base.latent, rgb_factors=((0.5, 0.25, 0.125),) * 4, rgb_bias=(1.0, 2.0, 3.0))
    save_model(ctx, Patched(replace(base, latent=colours)))
    again = open_diffusion(tmp_path / "output/diffusion_models/ComfyUI_00001_.safetensors")
    assert again.base.latent == colours


def test_text_encoders_are_saved_in_a_file_each(ctx: Recorded, xl: Checkpoint, tmp_path: Path) -> None:
    save_clip(ctx, xl.clip)
    paths = [tmp_path / f"output/clip/ComfyUI_{name}_00001_.safetensors" for name in ("clip_l", "clip_g")]
    assert "text_model.final_layer_norm.weight" in load_file(paths[1])
    assert_same(open_text_encoders(paths), xl.clip)
    assert ctx.shown["text"] == [f"clip/{path.name}" for path in paths]


def test_an_autoencoder_is_saved_by_itself(ctx: Recorded, checkpoint: Checkpoint, tmp_path: Path) -> None:
    vae = changed(checkpoint.vae, "decoder.conv_in.bias")
    save_vae(ctx, vae)
    assert_same(open_vae(tmp_path / "output/vae/ComfyUI_vae_00001_.safetensors"), vae)


def test_a_tiny_autoencoder_keeps_its_scale(ctx: Recorded, tmp_path: Path) -> None:
    network = redrawn(TinyAutoencoder(TinyConfig(scale=0.5, shift=0.25)), 1)
    save_vae(ctx, Patched(VaeModel(network)))
    again = open_vae(tmp_path / "output/vae/ComfyUI_vae_00001_.safetensors").base.network
    latent = torch.randn(1, 4, 2, 2)
    with torch.no_grad():
        assert torch.equal(again.decode_raw(latent), network.decode_raw(latent))


def test_nothing_is_overwritten_and_a_failed_file_is_gone(
    ctx: Recorded, checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_vae(ctx, checkpoint.vae)
    first = tmp_path / "output/vae/ComfyUI_vae_00001_.safetensors"
    before = first.read_bytes()
    save_vae(ctx, checkpoint.vae)
    assert sorted(path.name for path in first.parent.iterdir())[1] == "ComfyUI_vae_00002_.safetensors"

    def stop(self: PatchedWeights, name: str) -> Tensor:
        raise KeyboardInterrupt

    monkeypatch.setattr(PatchedWeights, "read", stop)
    with pytest.raises(KeyboardInterrupt):
        save_vae(ctx, checkpoint.vae)
    assert len(list(first.parent.iterdir())) == 2
    assert first.read_bytes() == before


def test_what_is_not_there_is_asked_for(ctx: Recorded, checkpoint: Checkpoint) -> None:
    with pytest.raises(NodeError, match="clip is needed here, but what came is None"):
        save_checkpoint(ctx, checkpoint.model, None, checkpoint.vae)


def test_saved_models_are_listed_with_the_others(ctx: Recorded, checkpoint: Checkpoint) -> None:
    save_checkpoint(ctx, checkpoint.model, checkpoint.clip, checkpoint.vae)
    save_vae(ctx, checkpoint.vae)
    save_clip(ctx, checkpoint.clip)
    for folder, name in (("checkpoints", "ComfyUI"), ("vae", "ComfyUI_vae"), ("clip", "ComfyUI_clip_l")):
        file = f"{name}_00001_.safetensors"
        assert file in ctx.files.names(folder)
        assert ctx.files.find(folder, file).is_file()
