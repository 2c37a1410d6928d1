import json

import pytest
import torch
from safetensors import safe_open

from loaders.checkpoint import open_checkpoint
from loaders.lora import open_lora
from models.adapters.patch import applied
from models.text.clip import ClipTextConfig
from models.text.encode import encode_prompt
from models.unet.config import UNetConfig
from models.vae.kl import AutoencoderKL, KLConfig
from training.adapter import Adapted
from training.denoiser import Denoiser
from training.export import LICENCE, save_adapter, save_checkpoint

UNET = UNetConfig(
    channels=32,
    multipliers=(1, 2),
    input_depths=((0,), (1,)),
    output_depths=((0, 0), (1, 1)),
    context_width=64,
)
TEXT = ClipTextConfig(width=64, layers=2, heads=1, feed_forward=64)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    torch.manual_seed(0)
    denoiser = Denoiser(UNET, TEXT)
    for parameter in denoiser.unet.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    denoiser.spread_words()
    denoiser.requires_grad_(False).eval()
    autoencoder = AutoencoderKL(KLConfig(channels=32, multipliers=(1, 1, 1, 1), residual_blocks=1)).eval()
    file = tmp_path_factory.mktemp("export") / "model.safetensors"
    save_checkpoint(file, denoiser, autoencoder.requires_grad_(False), "made by a test")
    return denoiser, autoencoder, file


def test_an_exported_checkpoint_opens_as_sd15_with_nothing_left_over(exported):
    checkpoint = open_checkpoint(exported[2])
    assert checkpoint.report.family == "sd15"
    assert checkpoint.report.unexpected == ()
    assert checkpoint.clip is not None
    assert checkpoint.vae is not None


def test_the_header_names_licence_and_preview_colours(exported):
    with safe_open(exported[2], "pt") as file:
        metadata = file.metadata()
    assert metadata["modelspec.license"] == LICENCE
    assert len(json.loads(metadata["sfumato.rgb_factors"])) == 5


@pytest.mark.parametrize(
    "prompt",
    ["", "a small red circle left of a large blue square on a yellow background", "two crosses, gray"],
)
def test_the_app_encodes_a_prompt_as_training_did(exported, prompt):
    denoiser, _, file = exported
    checkpoint = open_checkpoint(file)
    trained = denoiser.context(denoiser.table.encode([prompt]))
    embedding, _ = encode_prompt(checkpoint.clip.base, prompt)
    assert torch.allclose(embedding, trained, atol=0.02)


def test_unknown_words_share_the_vector_trained_for_them(exported):
    checkpoint = open_checkpoint(exported[2])
    first, second = (encode_prompt(checkpoint.clip.base, f"a {word} circle")[0] for word in ("shiny", "cute"))
    assert torch.equal(first, second)


def test_the_loaded_networks_compute_what_was_trained(exported):
    denoiser, autoencoder, file = exported
    checkpoint = open_checkpoint(file)
    x, t = torch.randn(2, 4, 16, 16), torch.tensor([10.0, 900.0])
    context = torch.randn(2, 77, 64)
    expected = denoiser.unet(x, t, context)
    got = checkpoint.model.base.network(x, t, context)
    assert torch.allclose(got, expected, atol=0.02 * expected.abs().max().item())
    restored = checkpoint.vae.base.network.decode(x)
    assert torch.allclose(restored, autoencoder.decode(x), atol=0.02)


def test_an_exported_adapter_does_through_the_loader_what_it_did_in_training(exported, tmp_path):
    denoiser, _, file = exported
    x, t, context = torch.randn(1, 4, 16, 16), torch.tensor([500.0]), torch.randn(1, 77, 64)
    plain = denoiser.unet(x, t, context)
    adapted = Adapted(denoiser, rank=4)
    for parameter in adapted.additions.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    with torch.no_grad():
        expected = denoiser.unet(x, t, context)
    save_adapter(tmp_path / "style.safetensors", adapted, "A style", "made by a test")
    adapted.detach()
    assert torch.equal(denoiser.unet(x, t, context), plain)
    checkpoint = open_checkpoint(file)
    loaded = open_lora(tmp_path / "style.safetensors", checkpoint.model, checkpoint.clip)
    assert not any(loaded.report.unmatched.values())
    assert loaded.report.changed["model"] == len(adapted.additions)
    with applied(loaded.patch_model(checkpoint.model, 1.0)) as model, torch.no_grad():
        got = model.network(x, t, context)
    assert not torch.allclose(expected, plain, rtol=0.1)
    assert torch.allclose(got, expected, atol=0.02 * expected.abs().max().item())
