from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.clip_files import open_text_encoders, open_vision
from loaders.errors import BrokenFile, UnknownFormat
from models.text.encode import encode_prompt
from models.vision.clip import ClipVision, ClipVisionConfig
from tests.fixtures.checkpoints import redrawn
from tests.fixtures.text_encoders import encoder_state


def written(path: Path, *parts: tuple[str, dict[str, Tensor]]) -> Path:
    save_file({p + n: t.clone().contiguous() for p, state in parts for n, t in state.items()}, path)
    return path


@pytest.mark.parametrize(
    ("name", "family"), [("clip_l", "sd15"), ("clip_h", "sd2"), ("clip_g", "sdxl_refiner")]
)
@pytest.mark.parametrize("prefix", ["", "text_encoders.x.transformer.", "cond_stage_model.model."])
def test_which_encoder_a_file_holds_is_seen_from_it(
    tmp_path: Path, name: str, family: str, prefix: str
) -> None:
    clip = open_text_encoders([written(tmp_path / "x.safetensors", (prefix, encoder_state(name)))]).base
    assert (list(clip.network), clip.family, clip.name) == ([name], family, "x.safetensors")
    assert encode_prompt(clip, "a cat")[0].shape == (1, 77, 64)
    assert not clip.network.stays_on_cpu


def test_two_files_in_any_order_or_one_with_both_are_sdxl(tmp_path: Path) -> None:
    small, large = encoder_state("clip_l"), encoder_state("clip_g")
    first = written(tmp_path / "l.safetensors", ("", small))
    second = written(tmp_path / "g.safetensors", ("", large))
    both = written(
        tmp_path / "xl.safetensors",
        ("conditioner.embedders.0.transformer.", small),
        ("conditioner.embedders.1.model.", large),
    )
    found = [open_text_encoders(paths).base for paths in ([first, second], [second, first], [both])]
    for clip in found:
        assert (list(clip.network), clip.family) == (["clip_l", "clip_g"], "sdxl")
        assert torch.equal(encode_prompt(clip, "a cat")[0], encode_prompt(found[0], "a cat")[0])
    assert open_text_encoders([both], stays_on_cpu=True).base.network.stays_on_cpu


def test_weights_are_rounded_through_half_precision(tmp_path: Path) -> None:
    state = encoder_state("clip_l")
    clip = open_text_encoders([written(tmp_path / "x.safetensors", ("", state))]).base
    name = "text_model.encoder.layers.1.mlp.fc2.weight"
    assert torch.equal(clip.network.get_parameter(f"clip_l.{name}"), state[name].half().float())


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    paths = {n: written(tmp_path / f"{n}.safetensors", ("", encoder_state(n))) for n in ("clip_l", "clip_h")}
    with pytest.raises(BrokenFile, match="holds CLIP-L as another file does"):
        open_text_encoders([paths["clip_l"], paths["clip_l"]])
    with pytest.raises(BrokenFile, match="no model has the text encoders CLIP-L and OpenCLIP-H together"):
        open_text_encoders([paths["clip_l"], paths["clip_h"]])


def test_other_text_encoders_are_refused_with_those_that_can_be_opened(tmp_path: Path) -> None:
    other = {"encoder.block.0.layer.0.SelfAttention.k.weight": torch.zeros(4, 4)}
    path = written(tmp_path / "t5.safetensors", ("", other))
    with pytest.raises(UnknownFormat, match=r"CLIP-L, OpenCLIP-H, OpenCLIP-bigG.*SelfAttention"):
        open_text_encoders([path])
    with pytest.raises(UnknownFormat, match="not a CLIP vision model"):
        open_vision(path)
    siglip = {"vision_model.embeddings.patch_embedding.weight": torch.zeros(4, 3, 2, 2)}
    with pytest.raises(UnknownFormat, match="SigLIP and DINO cannot"):
        open_vision(written(tmp_path / "siglip.safetensors", ("", siglip)))


def test_a_whole_clip_gives_its_text_encoder_and_its_picture_tower(tmp_path: Path) -> None:
    tower = redrawn(ClipVision(ClipVisionConfig(64, 2, 1, 64, 14, 28, projection=16)), 3).state_dict()
    path = written(tmp_path / "clip.safetensors", ("", encoder_state("clip_l")), ("", tower))
    assert list(open_text_encoders([path]).base.network) == ["clip_l"]
    vision = open_vision(path).base
    assert (vision.network.config.size, vision.name) == (28, "clip.safetensors")
    name = "vision_model.pre_layrnorm.weight"
    assert torch.equal(vision.network.get_parameter(name), tower[name].half().float())
