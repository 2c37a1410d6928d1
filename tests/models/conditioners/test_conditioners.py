"""What networks are told beside the text, against the rules of the ecosystem written out."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from models.conditioner import Surroundings
from models.conditioners.fitting import picked
from models.conditioners.joined import JoinedConditioner
from models.conditioners.pictures import (
    DepthConditioner,
    EditConditioner,
    InpaintConditioner,
    UpscaleConditioner,
)
from models.conditioners.sizes import ScoreConditioner, SizeConditioner
from models.conditioners.unclip import UnclipConditioner
from models.diffusion import LatentFormat

HALF = LatentFormat(scale=0.5)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def around(batch: int = 2, mask: Tensor | None = None, role: str = "positive") -> Surroundings:
    noise, latent = draw(batch, 4, 6, 8, seed=1), draw(batch, 4, 6, 8, seed=2)
    return Surroundings(noise, latent, mask, 20, torch.device("cpu"), role)


def features(number: float) -> list[float]:
    angles = [number * math.exp(-math.log(10000) * index / 128) for index in range(128)]
    return [math.cos(angle) for angle in angles] + [math.sin(angle) for angle in angles]


def told(vector: Tensor) -> list[Tensor]:
    return list(vector[0, 1280:].reshape(-1, 256))


def same(feature: Tensor, number: float) -> bool:
    return torch.allclose(feature, torch.tensor(features(number)), atol=2e-3)


def test_sizes_stand_height_first_and_default_to_those_of_the_latent() -> None:
    pooled = draw(1, 1280)
    vector = SizeConditioner().inputs(pooled, {}, around())["vector"]
    assert torch.equal(vector[:, :1280], pooled)
    assert all(same(f, n) for f, n in zip(told(vector), (48, 64, 0, 0, 48, 64), strict=True))
    fields = {"width": 100, "height": 200, "crop_w": 3, "crop_h": 4}
    vector = SizeConditioner().inputs(pooled, fields, around())["vector"]
    assert all(same(f, n) for f, n in zip(told(vector), (200, 100, 4, 3, 200, 100), strict=True))
    targets = {"target_width": 8, "target_height": 16}
    vector = SizeConditioner().inputs(pooled, fields | targets, around())["vector"]
    assert all(same(f, n) for f, n in zip(told(vector)[4:], (16, 8), strict=True))


@pytest.mark.parametrize(
    ("fields", "role", "score"),
    [
        ({}, "positive", 6.0),
        ({}, "negative", 2.5),
        ({"prompt_type": "negative"}, "positive", 2.5),
        ({"aesthetic_score": 9.0}, "negative", 9.0),
    ],
)
def test_the_refiner_is_told_how_good_the_picture_is(fields: dict, role: str, score: float) -> None:
    vector = ScoreConditioner().inputs(draw(1, 1280), fields, around(role=role))["vector"]
    assert vector.shape == (1, 2560)
    assert same(told(vector)[4], score)


def test_a_condition_of_another_family_is_refused_with_both_widths() -> None:
    with pytest.raises(ValueError, match="width 1280, but the condition has one of width 768"):
        SizeConditioner().inputs(draw(1, 768), {}, around())
    with pytest.raises(ValueError, match="has none"):
        SizeConditioner().inputs(None, {}, around())


def picture(*rows: Tensor, strength: float = 1.0, noise: float = 0.0) -> dict[str, Any]:
    seen = SimpleNamespace(image_embeds=torch.stack(rows))
    return {"clip_vision_output": seen, "strength": strength, "noise_augmentation": noise}


def test_unclip_is_told_of_nothing_without_a_picture() -> None:
    vector = UnclipConditioner(768).inputs(draw(1, 1024), {}, around())["vector"]
    assert torch.equal(vector, torch.zeros(1, 1536))


def test_unclip_is_told_of_a_picture_weighted_and_its_level() -> None:
    fields = {"unclip_conditioning": [picture(draw(768), strength=0.5, noise=0.3)]}
    where = around()
    vector = UnclipConditioner(768).inputs(None, fields, where)["vector"]
    noise = torch.randn(1, 768, generator=torch.Generator().manual_seed(where.seed - 10))
    level = round(999 * 0.3)
    kept = 1.0
    for step in range(level + 1):
        ends = [math.cos(((step + i) / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for i in (0, 1)]
        kept *= max(ends[1] / ends[0], 0.001)
    expected = 0.5 * (math.sqrt(kept) * draw(768) + math.sqrt(1 - kept) * noise)
    assert torch.allclose(vector[:, :768], expected, atol=1e-5)
    assert float(vector[0, 768]) == pytest.approx(0.5 * math.cos(level), abs=1e-4)


def test_a_picture_stands_in_for_the_pooled_text_of_xl() -> None:
    fields = {"unclip_conditioning": [picture(draw(1280))]}
    vector = SizeConditioner().inputs(draw(1, 1280, seed=5), fields, around())["vector"]
    # At the lowest level a little noise is left.
    assert torch.nn.functional.cosine_similarity(vector[:, :1280], draw(1280)[None]) > 0.999


def test_inpainting_takes_its_own_mask_and_picture_rounded_and_scaled() -> None:
    mask = torch.zeros(1, 12, 16)
    mask[:, :6] = 0.6
    fields = {"concat_mask": mask, "concat_latent_image": draw(1, 4, 6, 8)}
    concat = InpaintConditioner(HALF).inputs(None, fields, around())["concat"]
    assert concat.shape == (2, 5, 6, 8)
    assert concat[:, 0].unique().tolist() == [0.0, 1.0]
    assert bool((concat[:, 0, :3] == 1).all())
    assert torch.equal(concat[1, 1:], draw(1, 4, 6, 8)[0] * 0.5)


def test_inpainting_falls_back_to_the_mask_and_the_latent_of_the_run() -> None:
    mask = torch.full((2, 4, 6, 8), 0.4)
    mask[1] = 0.7
    where = around(mask=mask)
    concat = InpaintConditioner(HALF).inputs(None, {}, where)["concat"]
    assert concat[:, 0].amax(dim=(1, 2)).tolist() == [0.0, 1.0]
    assert torch.equal(concat[:, 1:], where.latent)


def test_inpainting_without_any_mask_draws_all_over_grey() -> None:
    fields = {"concat_latent_image": draw(1, 4, 6, 8)}
    concat = InpaintConditioner(HALF).inputs(None, fields, around())["concat"]
    assert bool((concat[:, 0] == 1).all())
    assert torch.allclose(concat[1, 1:, 2, 3], torch.tensor([0.8223, -0.6876, 0.6364, 0.1380]))


def test_editing_sees_the_picture_unscaled_and_resized_at_the_centre() -> None:
    concat = EditConditioner().inputs(None, {"concat_latent_image": draw(1, 4, 6, 10)}, around())["concat"]
    assert torch.equal(concat, draw(1, 4, 6, 10)[..., 1:9].expand(2, -1, -1, -1))
    assert torch.equal(EditConditioner().inputs(None, {}, around())["concat"], torch.zeros(2, 4, 6, 8))
    scaled = EditConditioner(0.5).inputs(None, {"concat_latent_image": draw(2, 4, 6, 8)}, around())["concat"]
    assert torch.equal(scaled, draw(2, 4, 6, 8) * 0.5)


def test_depth_is_spread_over_its_range_and_flat_depth_stays_in_the_middle() -> None:
    depth = torch.rand(1, 3, 6, 8) * 0.2 + 0.4
    concat = DepthConditioner().inputs(None, {"concat_image": depth}, around())["concat"]
    assert concat.shape == (2, 1, 6, 8)
    assert float(concat.min()) == pytest.approx(-1.0)
    assert float(concat.max()) == pytest.approx(1.0)
    flat = DepthConditioner().inputs(None, {"concat_image": torch.full((1, 3, 6, 8), 0.3)}, around())
    assert torch.equal(flat["concat"], torch.zeros(2, 1, 6, 8))


def test_the_upscaler_sees_the_picture_with_noise_of_a_level_it_is_told() -> None:
    small = draw(1, 3, 6, 8)
    plain = UpscaleConditioner().inputs(None, {"concat_image": small}, around())
    assert torch.equal(plain["concat"], small.expand(2, -1, -1, -1))
    assert plain["vector"].tolist() == [0]
    noisy = UpscaleConditioner().inputs(None, {"concat_image": small, "noise_augmentation": 0.5}, around())
    assert noisy["vector"].tolist() == [175]
    kept = 1.0
    for step in range(176):
        kept *= 1 - (0.01 + (math.sqrt(0.02) - 0.01) * step / 999) ** 2
    noise = draw(1, 3, 6, 8, seed=10)
    expected = math.sqrt(kept) * small + math.sqrt(1 - kept) * noise
    assert torch.allclose(noisy["concat"], expected.expand(2, -1, -1, -1), atol=1e-5)


def test_parts_join_their_inputs() -> None:
    both = JoinedConditioner((SizeConditioner(), EditConditioner()))
    assert set(both.inputs(draw(1, 1280), {}, around())) == {"vector", "concat"}
    assert both.spatial == frozenset({"concat"})


@pytest.mark.parametrize(
    ("size", "count", "places"),
    [(1, 3, [0, 0, 0]), (3, 1, [0]), (5, 3, [0, 2, 4]), (2, 5, [0, 0, 1, 1, 1]), (3, 3, [0, 1, 2])],
)
def test_a_batch_of_another_length_is_picked_from_evenly(size: int, count: int, places: list[int]) -> None:
    assert picked(torch.arange(size), count).tolist() == places
