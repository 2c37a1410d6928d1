"""The nodes of Zero123, from a checkpoint to a picture and back to a checkpoint."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from loaders.checkpoint import Checkpoint, open_checkpoint
from models.adapters.patch import applied
from models.vision.encode import encode_pictures
from nodes.api.errors import NodeError
from nodes.conditioning.views import see, see_around
from nodes.latent.vae import encode
from nodes.loading.checkpoint import load_image_only
from nodes.sampling.ksampler import ksampler
from nodes.saving.model import save_image_only
from tests.fixtures.checkpoints import tiny_checkpoint
from tests.fixtures.views import views_checkpoint, views_state
from tests.nodes.conftest import Recorded


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    path = views_checkpoint(tmp_path_factory.mktemp("models") / "views.safetensors")
    return open_checkpoint(path, with_vision=True)


def picture(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def test_a_condition_holds_what_is_seen_and_the_point_of_view(ctx: Recorded, views: Checkpoint) -> None:
    pixels = picture(1, 24, 32, 3)
    positive, negative, latent = see(ctx, views.vision, pixels, views.vae, 32, 24, 2, 20.0, 90.0)
    (entry,), (against,) = positive, negative
    with applied(views.vision) as tower:
        seen = encode_pictures(tower, pixels).image_embeds
    assert torch.equal(entry.embedding[0, :, :48], seen)
    expected = [math.radians(-20), 1.0, 0.0, math.pi / 2]
    assert entry.embedding[0, 0, 48:].tolist() == pytest.approx(expected, abs=1e-6)
    assert torch.equal(against.embedding, torch.zeros(1, 1, 48))
    shown = encode(ctx, pixels, views.vae).samples
    assert torch.equal(entry.extra["concat_latent_image"], shown)
    assert torch.equal(against.extra["concat_latent_image"], torch.zeros_like(shown))
    assert torch.equal(latent.samples, torch.zeros(2, 4, 3, 4))
    assert latent.batch_index is None


def test_a_batch_goes_around_with_one_noise(ctx: Recorded, views: Checkpoint) -> None:
    sides = see_around(ctx, views.vision, picture(1, 16, 16, 3), views.vae, 16, 16, 3, 5.0, 0.0, -10.0, 45.0)
    positive, _, latent = sides
    numbers = positive[0].embedding[:, 0, 48:]
    for row, (elevation, azimuth) in zip(numbers, [(5, 0), (-5, 45), (-15, 90)], strict=True):
        around = math.radians(azimuth)
        expected = [math.radians(-elevation), math.sin(around), math.cos(around), math.pi / 2]
        assert row.tolist() == pytest.approx(expected, abs=1e-6)
    assert positive[0].embedding.shape == (3, 1, 52)
    assert latent.batch_index == (0, 0, 0)


def test_several_pictures_at_once_are_refused(ctx: Recorded, views: Checkpoint) -> None:
    with pytest.raises(NodeError, match="one picture at a time, but 2 came"):
        see(ctx, views.vision, picture(2, 16, 16, 3), views.vae)


def test_each_side_of_a_batch_is_what_it_is_by_itself(ctx: Recorded, views: Checkpoint) -> None:
    pixels = picture(1, 32, 32, 3)

    def drawn(made: tuple[Any, Any, Any]) -> Tensor:
        conditions = dict(zip(("positive", "negative", "latent_image"), made, strict=True))
        options = {"seed": 3, "steps": 2, "cfg": 3.0, "sampler_name": "euler", "scheduler": "normal"}
        samples: Tensor = ksampler(ctx, model=views.model, **conditions, **options).samples
        return samples

    around = drawn(see_around(ctx, views.vision, pixels, views.vae, 32, 32, 2, 0.0, 30.0, 10.0, 60.0))
    for row, angles in zip(around, [(0.0, 30.0), (10.0, 90.0)], strict=True):
        alone = drawn(see(ctx, views.vision, pixels, views.vae, 32, 32, 1, *angles))
        torch.testing.assert_close(row, alone[0], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(around[0], around[1], atol=1e-2)


def test_a_saved_checkpoint_has_the_same_tensors_and_opens(
    ctx: Recorded, views: Checkpoint, tmp_path: Path
) -> None:
    save_image_only(ctx, views.model, views.vision, views.vae, "checkpoints/mine")
    path = tmp_path / "output/checkpoints/mine_00001_.safetensors"
    stored, wanted = load_file(path), views_state()
    del wanted["cond_stage_model.model.ln_final.weight"]
    assert set(stored) == set(wanted)
    for name, tensor in stored.items():
        assert torch.equal(tensor.half(), wanted[name].half()), name
    again = open_checkpoint(path, with_vision=True)
    assert (again.report.family, again.report.unexpected) == ("zero123", ())
    assert again.report.loaded["vision"] == views.report.loaded["vision"]


def test_what_is_no_image_only_model_is_refused(
    ctx: Recorded, views: Checkpoint, checkpoint: Checkpoint
) -> None:
    with pytest.raises(NodeError, match="sd15 do not hold a CLIP vision model"):
        save_image_only(ctx, checkpoint.model, views.vision, checkpoint.vae)


def test_the_loader_gives_three_parts_and_refuses_checkpoints_with_text(
    ctx: Recorded, tmp_path: Path
) -> None:
    views_checkpoint(tmp_path / "models/checkpoints/views.safetensors")
    model, vision, vae = load_image_only(ctx, "views.safetensors")
    assert model.base.family == "zero123"
    assert vision.base.network.config.size == 28
    assert vae is not None
    tiny_checkpoint(tmp_path / "models/checkpoints/tiny.safetensors")
    with pytest.raises(NodeError, match="holds no CLIP vision model: it is sd15"):
        load_image_only(ctx, "tiny.safetensors")
