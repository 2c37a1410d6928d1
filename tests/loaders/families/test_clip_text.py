"""Checks that text encoders open from every layout of their files and give what their makers compute."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.assemble import Storage
from loaders.errors import BrokenFile
from loaders.families.clip_text import read_clip, read_text_model
from loaders.opening import open_weights
from models.text.clip import ClipText, ClipTextConfig
from models.text.tokenizer import END, START
from tests.fixtures.checkpoints import redrawn
from tests.oracle.diffusers_names import worst_ratio
from tests.oracle.open_clip import OpenTextEncoder

PREFIXES = ("cond_stage_model.model.", "conditioner.embedders.1.model.", "")


@pytest.fixture(scope="module")
def oracle() -> OpenTextEncoder:
    return redrawn(OpenTextEncoder(128, 3, projection=32, heads=2), 7)


def written(path: Path, state: dict[str, Tensor], prefix: str) -> Path:
    save_file({prefix + name: tensor.contiguous() for name, tensor in state.items()}, path)
    return path


def ids() -> Tensor:
    rows = torch.randint(1, START, (2, 77), generator=torch.Generator().manual_seed(1))
    rows[:, 0] = START
    rows[0, 9], rows[0, 10:] = END, 0
    rows[1, 76] = END
    return rows


@pytest.mark.parametrize("prefix", PREFIXES)
def test_openclip_names_give_what_openclip_computes(
    tmp_path: Path, oracle: OpenTextEncoder, prefix: str
) -> None:
    weights = open_weights(written(tmp_path / "x.safetensors", oracle.state_dict(), prefix))
    encoder = read_clip(weights, prefix, "clip_g", Storage())
    with torch.no_grad():
        states, projected = oracle(ids())
        got = encoder(ids(), layer=-2, normalise=False)
        normed = encoder(ids(), layer=-2)
        expected = oracle.ln_final(states[-2])
    assert worst_ratio(got.hidden, states[-2]) <= 5e-5
    assert worst_ratio(normed.hidden, expected) <= 5e-5
    assert worst_ratio(got.projected, projected) <= 5e-5
    assert set(weights) - weights.taken == {prefix + "logit_scale"}


def test_a_bare_projection_beside_names_of_today_is_transposed(tmp_path: Path) -> None:
    encoder = redrawn(
        ClipText(ClipTextConfig(width=64, layers=2, heads=1, feed_forward=96, projection=24)), 1
    )
    state = encoder.state_dict()
    state["text_projection"] = state.pop("text_projection.weight").T
    weights = open_weights(written(tmp_path / "x.safetensors", state, "text."))
    got = read_clip(weights, "text.", "clip_g", Storage())
    assert torch.equal(got.text_projection.weight, encoder.text_projection.weight)


@pytest.mark.parametrize(("layers", "dropped"), [(23, 1), (24, 0)])
def test_the_block_that_some_files_lack_still_counts(tmp_path: Path, layers: int, dropped: int) -> None:
    """Stable Diffusion 2 uses the last block but one of 24; diffusers saves 23 of them."""
    encoder = redrawn(OpenTextEncoder(64, 24, projection=16), 3)
    state = {n: t for n, t in encoder.state_dict().items() if f"resblocks.{layers}." not in n}
    got = read_clip(open_weights(written(tmp_path / "x.safetensors", state, "")), "", "clip_h", Storage())
    assert (got.config.layers, got.config.dropped_layers) == (layers, dropped)
    with torch.no_grad():
        states, _ = encoder(ids())
        assert worst_ratio(got(ids(), -2).hidden, encoder.ln_final(states[-2])) <= 5e-5
        assert worst_ratio(got(ids(), -1).hidden, encoder.ln_final(states[layers - 1])) <= 5e-5


def test_the_activation_is_that_of_the_encoder_named(tmp_path: Path) -> None:
    state = redrawn(ClipText(ClipTextConfig(width=64, layers=1, heads=1, feed_forward=96)), 1).state_dict()
    weights = open_weights(written(tmp_path / "x.safetensors", state, ""))
    kinds = {name: read_clip(weights, "", name, Storage()) for name in ("clip_l", "clip_h", "clip_g")}
    assert {name: encoder.config.activation for name, encoder in kinds.items()} == {
        "clip_l": "quick_gelu",
        "clip_h": "gelu",
        "clip_g": "gelu",
    }


def test_nothing_is_found_where_nothing_is_and_missing_weights_are_named(
    tmp_path: Path, oracle: OpenTextEncoder
) -> None:
    state = oracle.state_dict()
    del state["transformer.resblocks.1.attn.in_proj_bias"]
    weights = open_weights(written(tmp_path / "x.safetensors", state, "model."))
    assert read_text_model(weights, {"clip_g": ("other.", "model.transformer.")}, "sdxl", Storage()) is None
    assert read_text_model(weights, {"clip_l": ("x.",), "clip_g": ("model.",)}, "sdxl", Storage()) is None
    with pytest.raises(BrokenFile, match=r"3 of \d+ weights of its text encoder clip_g are missing"):
        read_clip(weights, "model.", "clip_g", Storage())
