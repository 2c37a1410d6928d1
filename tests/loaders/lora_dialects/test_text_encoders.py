"""Checks which text encoder a LoRA's names mean in models with one, and with two."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from loaders.errors import UnknownFormat
from loaders.lora import open_lora
from models.adapters.patch import Patched, applied
from models.diffusion import TextModel
from models.text.clip import ClipText, ClipTextConfig
from models.text.encoders import TextEncoders
from models.text.tokenizer import clip_tokenizer
from tests.fixtures.checkpoints import redrawn

MODULE = "text_model.encoder.layers.1.mlp.fc1"
FLAT = MODULE.replace(".", "_")
SIZES = {"clip_l": 64, "clip_h": 80, "clip_g": 96}


def clip(*names: str) -> Patched[TextModel]:
    encoders = {
        name: redrawn(
            ClipText(
                ClipTextConfig(width=SIZES[name], layers=2, heads=1, feed_forward=64, projection=SIZES[name])
            ),
            1,
        )
        for name in names
    }
    return Patched(TextModel(TextEncoders(encoders), clip_tokenizer()))


def lora(path: Path, stem: str, rows: int, width: int) -> Path:
    generator = torch.Generator().manual_seed(width)
    tensors = {
        f"{stem}.lora_up.weight": torch.randn(rows, 2, generator=generator),
        f"{stem}.lora_down.weight": torch.randn(2, width, generator=generator),
    }
    save_file(tensors, path)
    return path


@pytest.mark.parametrize(
    ("encoders", "stem", "meant"),
    [
        (("clip_l", "clip_g"), f"lora_te1_{FLAT}", "clip_l"),
        (("clip_l", "clip_g"), f"lora_te2_{FLAT}", "clip_g"),
        (("clip_l", "clip_g"), f"text_encoder.{MODULE}", "clip_l"),
        (("clip_l", "clip_g"), f"text_encoder_2.{MODULE}", "clip_g"),
        (("clip_l", "clip_g"), f"text_encoders.clip_g.transformer.{MODULE}", "clip_g"),
        (("clip_l", "clip_g"), f"base_model.model.text_encoder_2.{MODULE}", "clip_g"),
        (("clip_g",), f"lora_te_{FLAT}", "clip_g"),
        (("clip_g",), f"text_encoder.{MODULE}", "clip_g"),
        (("clip_h",), f"lora_te_{FLAT}", "clip_h"),
        (("clip_h",), f"text_encoder.{MODULE}", "clip_h"),
    ],
)
def test_the_encoder_meant_is_changed_and_no_other(
    tmp_path: Path, encoders: tuple[str, ...], stem: str, meant: str
) -> None:
    text = clip(*encoders)
    load = open_lora(lora(tmp_path / "x.safetensors", stem, 64, SIZES[meant]), None, text)
    assert load.report.changed["clip"] == 1
    before = {name: parameter.clone() for name, parameter in text.base.network.named_parameters()}
    with applied(load.patch_clip(text, 1.0)) as base:
        changed = [
            n for n, parameter in base.network.named_parameters() if not torch.equal(parameter, before[n])
        ]
    assert changed == [f"{meant}.{MODULE}.weight"]
    assert all(torch.equal(p, before[n]) for n, p in text.base.network.named_parameters())


def test_the_projection_of_the_second_encoder_is_changed_too(tmp_path: Path) -> None:
    text = clip("clip_l", "clip_g")
    load = open_lora(lora(tmp_path / "x.safetensors", "lora_te2_text_projection", 96, 96), None, text)
    assert list(load.clip.deltas) == ["clip_g.text_projection.weight"]


def test_the_second_encoder_is_not_taken_for_the_only_one(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat):
        open_lora(lora(tmp_path / "x.safetensors", f"lora_te2_{FLAT}", 64, 64), None, clip("clip_l"))
