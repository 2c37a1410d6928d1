from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from models.vision.clip import ClipVision, ClipVisionConfig
from nodes.api.errors import NodeError
from nodes.conditioning.clip_vision import add_pictures, encode_with_vision
from nodes.conditioning.sdxl import encode_for_refiner, encode_for_sdxl
from nodes.conditioning.text import encode, set_last_layer
from nodes.loading.clip import load_clip, load_two_clips
from nodes.loading.clip_vision import load_clip_vision
from schedulers.conditioning import Entry
from tests.fixtures.checkpoints import redrawn
from tests.fixtures.text_encoders import encoder_state


@pytest.fixture
def folder(folders: Any) -> Path:
    """The models folder with a file for each text encoder."""
    models: Path = folders.models
    for name in ("clip_l", "clip_h", "clip_g"):
        state = {n: t.clone().contiguous() for n, t in encoder_state(name).items()}
        save_file(state, models / "text_encoders" / f"{name}.safetensors")
    return models


def test_one_text_encoder_is_opened_and_encodes(ctx, folder) -> None:
    for name, family in (("clip_l", "sd15"), ("clip_h", "sd2"), ("clip_g", "sdxl_refiner")):
        clip = load_clip(ctx, f"{name}.safetensors", "stable_diffusion", "cpu")
        assert clip.base.family == family
        assert clip.base.network.stays_on_cpu
        (entry,) = encode(ctx, "a cat", clip)
        assert entry.embedding.shape == (1, 77, 64)


def test_two_text_encoders_are_sdxl(ctx, folder) -> None:
    clip = load_two_clips(ctx, "clip_g.safetensors", "clip_l.safetensors", "sdxl")
    assert not clip.base.network.stays_on_cpu
    (entry,) = encode(ctx, "a cat", clip)
    assert entry.embedding.shape == (1, 77, 128)
    with pytest.raises(NodeError, match="CLIP-L and OpenCLIP-H together"):
        load_two_clips(ctx, "clip_h.safetensors", "clip_l.safetensors", "sdxl")


def sdxl_entry(ctx: Any, clip: Any, large: str, small: str, **sizes: int) -> Entry:
    (entry,) = encode_for_sdxl(ctx, clip=clip, text_g=large, text_l=small, **sizes)
    return entry


def test_each_encoder_of_sdxl_reads_its_prompt_and_the_shorter_one_is_filled_up(ctx, folder) -> None:
    clip = load_two_clips(ctx, "clip_l.safetensors", "clip_g.safetensors", "sdxl")
    both = sdxl_entry(ctx, clip, "red " * 100, "a cat", width=640, crop_h=8, target_height=512)
    (large,), (small,), (empty,) = (encode(ctx, text, clip) for text in ("red " * 100, "a cat", ""))
    assert both.embedding.shape == (1, 154, 128)
    assert torch.equal(both.embedding[..., 64:], large.embedding[..., 64:])
    assert torch.equal(both.embedding[:, :77, :64], small.embedding[..., :64])
    torch.testing.assert_close(both.embedding[:, 77:, :64], empty.embedding[..., :64])
    assert torch.equal(both.pooled, large.pooled)
    assert both.extra == {
        "width": 640, "height": 1024, "crop_w": 0, "crop_h": 8, "target_width": 1024, "target_height": 512,
    }  # fmt: skip
    other_way = sdxl_entry(ctx, clip, "a cat", "red " * 100)
    assert torch.equal(other_way.embedding[:, :77, 64:], small.embedding[..., 64:])
    assert torch.equal(other_way.embedding[..., :64], large.embedding[..., :64])


def test_other_text_encoders_are_refused_by_the_node_for_sdxl(ctx, checkpoint) -> None:
    with pytest.raises(NodeError, match="clip_l and clip_g, are needed, not clip_l"):
        sdxl_entry(ctx, checkpoint.clip, "a", "b")
    with pytest.raises(NodeError, match="there is no text encoder"):
        sdxl_entry(ctx, None, "a", "b")


def test_the_refiner_is_told_size_and_score(ctx, folder) -> None:
    clip = load_clip(ctx, "clip_g.safetensors", "stable_diffusion")
    (entry,) = encode_for_refiner(ctx, ascore=2.5, width=640, height=512, text="a cat", clip=clip)
    (plain,) = encode(ctx, "a cat", clip)
    assert torch.equal(entry.embedding, plain.embedding)
    assert entry.extra == {"aesthetic_score": 2.5, "width": 640, "height": 512}


def test_clip_skip_reaches_both_encoders(ctx, folder) -> None:
    clip = load_two_clips(ctx, "clip_l.safetensors", "clip_g.safetensors", "sdxl")
    (plain,), (same,), (last,) = (
        encode(ctx, "a cat", made) for made in (clip, set_last_layer(clip, -2), set_last_layer(clip, -1))
    )
    assert torch.equal(plain.embedding, same.embedding)
    for part in (slice(0, 64), slice(64, None)):
        assert not torch.allclose(plain.embedding[..., part], last.embedding[..., part])


@pytest.fixture
def vision(ctx, folders) -> Any:
    tower = redrawn(ClipVision(ClipVisionConfig(64, 2, 1, 64, 14, 28, projection=16)), 3)
    save_file(tower.state_dict(), folders.models / "clip_vision" / "tower.safetensors")
    return load_clip_vision(ctx, "tower.safetensors")


def test_pictures_are_seen_cut_or_squeezed(ctx, vision) -> None:
    pictures = torch.rand(2, 30, 60, 3, generator=torch.Generator().manual_seed(2))
    cut = encode_with_vision(ctx, vision, pictures, "center")
    squeezed = encode_with_vision(ctx, vision, pictures, "none")
    assert cut.image_embeds.shape == (2, 16)
    assert cut.last_hidden_state.shape == cut.penultimate_hidden_states.shape == (2, 5, 64)
    assert not torch.allclose(cut.image_embeds, squeezed.image_embeds)
    middle = encode_with_vision(ctx, vision, pictures[:, :, 15:45], "none")
    torch.testing.assert_close(cut.image_embeds, middle.image_embeds, rtol=0, atol=0.05)


def test_pictures_are_hung_on_prompts_in_order(ctx, vision) -> None:
    seen = encode_with_vision(ctx, vision, torch.rand(1, 28, 28, 3), "center")
    plain = (Entry(torch.zeros(1, 77, 8)), Entry(torch.ones(1, 77, 8), extra={"width": 5}))
    assert add_pictures(plain, seen, 0.0, 0.5) is plain
    once = add_pictures(plain, seen, 0.5, 0.25)
    twice = add_pictures(once, seen, -1.0, 0.0)
    first = {"clip_vision_output": seen, "strength": 0.5, "noise_augmentation": 0.25}
    second = {"clip_vision_output": seen, "strength": -1.0, "noise_augmentation": 0.0}
    assert [entry.extra["unclip_conditioning"] for entry in twice] == [[first, second]] * 2
    assert [entry.extra["unclip_conditioning"] for entry in once] == [[first]] * 2
    assert twice[1].extra["width"] == 5
    assert "unclip_conditioning" not in plain[0].extra
