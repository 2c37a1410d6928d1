"""Opening networks, autoencoders and checkpoints by nodes, from small files."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.packed.tensor import Packed, stored_bytes
from models.vae.tiny import TinyAutoencoder, TinyConfig
from nodes.api.errors import NodeError
from nodes.latent.vae import decode, encode
from nodes.loading.checkpoint import load_unclip, load_with_config
from nodes.loading.diffusers import load_diffusers
from nodes.loading.unet import load_diffusion_model
from nodes.loading.vae import load_vae
from schedulers.latent import LatentBatch
from tests.fixtures.checkpoints import redrawn, tiny_checkpoint, tiny_state

PREFIX = "model.diffusion_model."


def put(folder: Path, name: str, prefix: str = "") -> None:
    unet = {prefix + n.removeprefix(PREFIX): t for n, t in tiny_state().items() if n.startswith(PREFIX)}
    save_file(unet, folder / "models" / "diffusion_models" / name)


@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_a_network_alone_is_opened_with_and_without_a_prefix(ctx, tmp_path, prefix: str) -> None:
    put(tmp_path, "x.safetensors", prefix)
    network = load_diffusion_model(ctx, "x.safetensors", "default").base.network
    state = tiny_state()
    assert all(torch.equal(t, state[PREFIX + name]) for name, t in network.state_dict().items())


@pytest.mark.parametrize(
    ("kind", "dtype"), [("fp8_e4m3fn", torch.float8_e4m3fn), ("fp8_e5m2", torch.float8_e5m2)]
)
def test_weights_of_eight_bits_are_rounded_and_computed_with_in_more(ctx, tmp_path, kind, dtype) -> None:
    put(tmp_path, "x.safetensors")
    network = load_diffusion_model(ctx, "x.safetensors", kind).base.network
    weight = network.get_parameter("out.2.weight")
    expected = tiny_state()[f"{PREFIX}out.2.weight"]
    assert isinstance(weight, Packed)
    assert weight.dtype is torch.float32
    assert stored_bytes(weight) == expected.numel()
    assert torch.equal(weight.unpacked(), expected.to(dtype).float())
    assert not torch.equal(weight.unpacked(), expected)
    bias = network.get_parameter("out.2.bias")
    assert not isinstance(bias, Packed)
    assert torch.equal(bias, tiny_state()[f"{PREFIX}out.2.bias"].to(dtype).float())


def test_multiplying_in_eight_bits_is_left_to_devices_that_can(ctx, tmp_path) -> None:
    put(tmp_path, "x.safetensors")
    fast = load_diffusion_model(ctx, "x.safetensors", "fp8_e4m3fn_fast").base.network
    told = "\n".join(ctx.shown["text"])
    assert "does not multiply in eight bits" in told
    assert "as float8_e4m3fn" in told
    plain = load_diffusion_model(ctx, "x.safetensors", "fp8_e4m3fn").base.network
    one, other = fast.get_parameter("out.2.weight"), plain.get_parameter("out.2.weight")
    assert one.format.multiplies
    assert not other.format.multiplies
    assert torch.equal(one.unpacked(), other.unpacked())


def test_pictures_are_their_own_latents_in_pixel_space(ctx) -> None:
    vae = load_vae(ctx, "pixel_space")
    pixels = torch.rand(1, 5, 7, 3)
    latent = encode(ctx, pixels, vae)
    assert torch.allclose(latent.samples, pixels.movedim(-1, 1) * 2 - 1)
    assert torch.allclose(decode(ctx, latent, vae), pixels, atol=1e-6)


def test_a_tiny_autoencoder_is_opened_by_name_from_its_halves(ctx, tmp_path) -> None:
    network = redrawn(TinyAutoencoder(TinyConfig()), 1)
    for half in ("encoder", "decoder"):
        state = network.get_submodule(f"taesd_{half}").state_dict()
        save_file(state, tmp_path / "models" / "vae_approx" / f"taesdxl_{half}.safetensors")
    vae = load_vae(ctx, "taesdxl")
    latent = torch.randn(1, 4, 2, 2)
    with torch.no_grad():
        expected = network.decode(latent * 0.13025)
    assert torch.allclose(decode(ctx, LatentBatch(latent), vae), expected, atol=1e-5)
    with pytest.raises(NodeError, match="vae has no file 'taesd'"):
        load_vae(ctx, "taesd")


CONFIG = """
model:
  params:
    parameterization: {parameterization}
    cond_stage_config: {{target: x, params: {{layer_idx: {layer}}}}}
"""


@pytest.mark.parametrize(
    ("parameterization", "layer", "expected"),
    [("v", -2, ("v", -2)), ("eps", "null", ("eps", None)), ("v", "null", ("v", None))],
)
def test_a_configuration_says_what_is_predicted_and_which_layer_counts(
    ctx, tmp_path, parameterization: str, layer: object, expected: tuple
) -> None:
    tiny_checkpoint(tmp_path / "models" / "checkpoints" / "x.safetensors")
    text = CONFIG.format(parameterization=parameterization, layer=layer)
    (tmp_path / "models" / "configs" / "x.yaml").write_text(text)
    model, clip, vae = load_with_config(ctx, "x.yaml", "x.safetensors")
    assert (model.base.prediction, clip.base.last_layer) == expected
    assert vae is not None


def test_the_configurations_that_everybody_has_are_known_by_name(ctx, tmp_path) -> None:
    tiny_checkpoint(tmp_path / "models" / "checkpoints" / "x.safetensors")
    (tmp_path / "models" / "configs" / "own.yaml").write_text("")
    names = ctx.files.names("configs:named")
    assert {"own.yaml", "v1-inference.yaml"} < set(names)
    for name, layer in (("v1-inference.yaml", None), ("v1-inference_clip_skip_2.yaml", -2)):
        model, clip, _ = load_with_config(ctx, name, "x.safetensors")
        assert (model.base.prediction, clip.base.last_layer) == ("eps", layer)
    assert load_with_config(ctx, "v2-inference-v.yaml", "x.safetensors")[0].base.prediction == "v"


@pytest.mark.parametrize("prefix", ["", "fp16."])
def test_a_folder_of_diffusers_is_opened_with_its_variant(ctx, tmp_path, prefix: str) -> None:
    place = tmp_path / "models" / "diffusers" / "artist" / "model"
    parts = {"unet": PREFIX, "vae": "first_stage_model.", "text_encoder": "cond_stage_model.transformer."}
    for part, start in parts.items():
        (place / part).mkdir(parents=True)
        state = {n.removeprefix(start): t.half() for n, t in tiny_state().items() if n.startswith(start)}
        name = "model" if part == "text_encoder" else "diffusion_pytorch_model"
        save_file(state, place / part / f"{name}.{prefix}safetensors")
    index = {part: ["diffusers", "SomeModel"] for part in parts}
    (place / "model_index.json").write_text(json.dumps(index))
    assert ctx.files.names("diffusers") == [str(Path("artist", "model"))]
    model, clip, vae = load_diffusers(ctx, "artist/model")
    assert (model.base.family, vae.base.latent.downscale) == ("sd15", 8)
    assert clip is not None
    weight = model.base.network.get_parameter("out.2.weight")
    assert torch.equal(weight, tiny_state()[f"{PREFIX}out.2.weight"].half().float())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "not YAML"),
        ("a: 1", r"no model\.params"),
        (CONFIG.format(parameterization="v", layer="x"), "layer_idx is 'x'"),
    ],
)
def test_a_configuration_that_says_nothing_is_refused(ctx, tmp_path, text: str, reason: str) -> None:
    tiny_checkpoint(tmp_path / "models" / "checkpoints" / "x.safetensors")
    (tmp_path / "models" / "configs" / "x.yaml").write_text(text)
    with pytest.raises(NodeError, match=reason):
        load_with_config(ctx, "x.yaml", "x.safetensors")


def test_a_checkpoint_that_sees_no_pictures_is_refused_by_the_unclip_loader(ctx, tmp_path) -> None:
    tiny_checkpoint(tmp_path / "models" / "checkpoints" / "x.safetensors")
    with pytest.raises(NodeError, match="no CLIP vision model: it is sd15"):
        load_unclip(ctx, "x.safetensors")
