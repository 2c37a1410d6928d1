"""Checks the picture tower number by number against transformers, and a second one in OpenCLIP's names."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.assemble import Storage, build_empty
from loaders.families.clip_vision import read_vision, vision_config
from loaders.opening import open_weights
from models.vision.clip import ClipVision, ClipVisionConfig
from models.vision.encode import CLIP_DEVIATION, CLIP_MEAN, VisionModel, encode_pictures, prepared
from tests.fixtures.checkpoints import redrawn
from tests.oracle.diffusers_names import redraw, worst_ratio
from tests.oracle.open_clip import OpenVision

SIZE = 28


def opened(tmp_path: Path, state: dict[str, Tensor], prefix: str = "") -> VisionModel:
    path = tmp_path / "tower.safetensors"
    save_file({prefix + name: tensor.contiguous() for name, tensor in state.items()}, path)
    weights = open_weights(path)
    model = read_vision(weights, Storage())
    assert model is not None
    assert {name.rpartition(".")[2] for name in set(weights) - weights.taken} <= {"position_ids"}
    return model


def pixels() -> Tensor:
    return torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(("layers", "activation"), [(3, "quick_gelu"), (25, "gelu")])
def test_the_tower_agrees_with_transformers(tmp_path: Path, layers: int, activation: str) -> None:
    transformers = pytest.importorskip("transformers")
    options = transformers.CLIPVisionConfig(
        hidden_size=128, intermediate_size=96, projection_dim=40, num_hidden_layers=layers,
        num_attention_heads=2, image_size=SIZE, patch_size=7, hidden_act=activation,
    )  # fmt: skip
    oracle = redraw(transformers.CLIPVisionModelWithProjection(options))
    model = opened(tmp_path, oracle.state_dict())
    assert model.network.config.activation == activation
    with torch.no_grad():
        expected = oracle(pixels(), output_hidden_states=True)
        got = model.network(pixels())
    assert worst_ratio(got.image_embeds, expected.image_embeds) <= 5e-5
    assert worst_ratio(got.last_hidden_state, expected.last_hidden_state) <= 5e-5
    assert worst_ratio(got.penultimate_hidden_states, expected.hidden_states[-2]) <= 5e-5
    assert got.mm_projected is None


@pytest.mark.parametrize("prefix", ["visual.", "embedder.model.visual."])
def test_openclip_names_give_what_openclip_computes(tmp_path: Path, prefix: str) -> None:
    oracle = redrawn(OpenVision(64, 25, projection=24, patch=14, size=SIZE), 4)
    model = opened(tmp_path, oracle.state_dict(), prefix)
    with torch.no_grad():
        states, embeds = oracle(pixels())
        got = model.network(pixels())
    assert worst_ratio(got.last_hidden_state, states[-1]) <= 5e-5
    assert worst_ratio(got.penultimate_hidden_states, states[-2]) <= 5e-5
    assert worst_ratio(got.image_embeds, embeds) <= 5e-5


@pytest.mark.parametrize(
    ("config", "shapes"),
    [
        (ClipVisionConfig(), (257, 1024, 14)),
        (ClipVisionConfig(size=336, language_width=4096), (577, 1024, 14)),
        (ClipVisionConfig(1280, 32, 16, 5120, 14, 224, "gelu", 1024), (257, 1280, 14)),
        (ClipVisionConfig(1664, 48, 16, 8192, 14, 224, "gelu", 1280), (257, 1664, 14)),
        (ClipVisionConfig(768, 12, 12, 3072, 32, 224, "quick_gelu", 512), (50, 768, 32)),
    ],
)
def test_the_sizes_of_the_towers_in_use_are_read_from_their_shapes(
    config: ClipVisionConfig, shapes: tuple[int, int, int]
) -> None:
    network = build_empty(lambda: ClipVision(config))
    table = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert vision_config(table) == config
    tokens, width, _ = shapes
    assert table["vision_model.embeddings.position_embedding.weight"] == (tokens, width)


def test_patches_are_projected_for_a_language_model(tmp_path: Path) -> None:
    tower = redrawn(ClipVision(ClipVisionConfig(64, 2, 1, 96, 14, SIZE, language_width=48)), 6)
    model = opened(tmp_path, tower.state_dict())
    with torch.no_grad():
        got = model.network(pixels())
        projector = model.network.multi_modal_projector
        patches = got.penultimate_hidden_states[:, 1:]
        expected = projector.linear_2(torch.nn.functional.gelu(projector.linear_1(patches)))
    torch.testing.assert_close(got.mm_projected, expected)
    assert got.mm_projected.shape == (2, 4, 48)


def test_a_picture_of_the_right_size_is_only_rounded() -> None:
    picture = torch.rand(1, SIZE, SIZE, 4, generator=torch.Generator().manual_seed(0)) * 1.2 - 0.1
    expected = (picture[..., :3] * 255).clamp(0, 255).round() / 255
    assert torch.equal(prepared(picture, SIZE), expected.movedim(-1, 1))


@pytest.mark.parametrize("shape", [(60, 40), (33, 81), (28, 30), (20, 20)])
def test_a_picture_is_scaled_like_pillow_scales_and_cut_at_its_centre(shape: tuple[int, int]) -> None:
    """Pillow's bicubic filter smooths as it shrinks and rounds, as does torch's with antialias."""
    from PIL import Image

    height, width = shape
    generator = torch.Generator().manual_seed(height)
    coarse = torch.rand(1, 3, 7, 7, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=shape, mode="bilinear")
    picture = (smooth.movedim(1, -1) * 255).round() / 255
    image = Image.fromarray((picture[0] * 255).to(torch.uint8).numpy())
    scale = SIZE / min(shape)
    resized = image.resize((round(scale * width), round(scale * height)), Image.Resampling.BICUBIC)
    left, top = (resized.width - SIZE) // 2, (resized.height - SIZE) // 2
    cut = resized.crop((left, top, left + SIZE, top + SIZE))
    for crop, expected in (("center", cut), ("none", image.resize((SIZE, SIZE), Image.Resampling.BICUBIC))):
        told = torch.frombuffer(bytearray(expected.tobytes()), dtype=torch.uint8).view(SIZE, SIZE, 3) / 255
        got = prepared(picture, SIZE, crop)[0].movedim(0, -1)
        assert (got - told).abs().max() <= 2.01 / 255


def test_pictures_are_normalised_by_channel_before_they_are_encoded() -> None:
    network = redrawn(ClipVision(ClipVisionConfig(64, 2, 1, 96, 14, SIZE)), 8)
    pictures = torch.rand(2, 40, 50, 3, generator=torch.Generator().manual_seed(1))
    got = encode_pictures(VisionModel(network), pictures)
    seen = prepared(pictures, SIZE)
    channels = [(seen[:, c] - CLIP_MEAN[c]) / CLIP_DEVIATION[c] for c in range(3)]
    with torch.no_grad():
        expected = network(torch.stack(channels, dim=1))
    torch.testing.assert_close(got.image_embeds, expected.image_embeds)
    assert not torch.allclose(
        encode_pictures(VisionModel(network), pictures, "none").image_embeds, got.image_embeds
    )


def test_pixels_of_another_size_are_refused() -> None:
    network = ClipVision(ClipVisionConfig(64, 1, 1, 96, 14, SIZE))
    with pytest.raises(ValueError, match=r"\(B, 3, 28, 28\), not \(1, 3, 14, 28\)"):
        network(torch.zeros(1, 3, 14, 28))
