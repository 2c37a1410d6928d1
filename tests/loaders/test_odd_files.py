"""Do weights open in the odd forms that people have, and are torn or strange ones refused in a sentence?"""

import argparse
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.anything import Change, open_anything
from loaders.checkpoint import open_checkpoint, open_diffusion, open_vae
from loaders.errors import BrokenFile, UnknownFormat
from loaders.identify.verdict import identify_path
from loaders.opening import open_weights
from nodes.api.errors import NodeError
from tests.fixtures.checkpoints import tiny_state

STATE = tiny_state()
NETWORK, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer."
UNET = {name.removeprefix(NETWORK): tensor for name, tensor in STATE.items() if name.startswith(NETWORK)}
WHOLE, ALONE = ("MODEL", "CLIP", "VAE"), ("MODEL",)


def renamed(prefix: str, state: Mapping[str, Tensor] = UNET) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


def without(prefix: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in STATE.items() if not name.startswith(prefix)}


def averaged() -> dict[str, Tensor]:
    copies = {f"model_ema.diffusion_model{name.replace('.', '')}": t for name, t in UNET.items()}
    return {**copies, "model_ema.decay": torch.ones(()), "model_ema.num_updates": torch.ones(())}


# What a file holds -> what goes out by wires.
SAFETENSORS: Mapping[str, tuple[Mapping[str, Tensor], tuple[str, ...]]] = {
    "averaged copies beside": (STATE | averaged(), WHOLE),
    "behind model.": (renamed("model."), ALONE),
    "behind diffusion_model.": (renamed("diffusion_model."), ALONE),
    "behind unet.": (renamed("unet."), ALONE),
    "trained in parallel": (renamed("module.", STATE), WHOLE),
    "compiled and trained in parallel": (renamed("_orig_mod.module."), ALONE),
    "no text encoder": (without(TEXT), ("MODEL", "VAE")),
    "no autoencoder": (without(VAE), ("MODEL", "CLIP")),
    "only the autoencoder": ({n: t for n, t in STATE.items() if n.startswith(VAE)}, ("VAE",)),
    "only the text encoder": ({n: t for n, t in STATE.items() if n.startswith(TEXT)}, ("CLIP",)),
    "bfloat16": ({name: tensor.bfloat16() for name, tensor in STATE.items()}, WHOLE),
    "float8": ({name: tensor.to(torch.float8_e4m3fn) for name, tensor in STATE.items()}, WHOLE),
}
PICKLES: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    "a training program's": ({"state_dict": STATE, "epoch": 3, "args": argparse.Namespace(lr=1)}, WHOLE),
    "with its optimizer": ({"model": UNET, "optimizer": {"state": {0: {"m": torch.ones(3)}}}}, ALONE),
    "averaged copies beside": ({"model": UNET, "ema": renamed("", UNET), "step": 9}, ALONE),
    "only averaged copies": ({"ema": UNET, "opt": {}}, ALONE),
}


@pytest.mark.parametrize("kind", SAFETENSORS)
def test_odd_forms_open_and_identify_alike(tmp_path: Path, kind: str) -> None:
    state, sockets = SAFETENSORS[kind]
    path = tmp_path / "x.safetensors"
    save_file({name: tensor.contiguous().clone() for name, tensor in state.items()}, path)
    verdict = identify_path(path)
    assert verdict.sockets == sockets
    assert tuple(open_anything(verdict, Change()).values) == sockets


@pytest.mark.parametrize("kind", PICKLES)
def test_pickles_of_training_programs_open_and_identify_alike(tmp_path: Path, kind: str) -> None:
    content, sockets = PICKLES[kind]
    torch.save(content, tmp_path / "x.pt")
    verdict = identify_path(tmp_path / "x.pt")
    assert verdict.sockets == sockets
    opened = open_anything(verdict, Change())
    assert tuple(opened.values) == sockets
    weight = opened.values["MODEL"].base.network.get_parameter("out.2.weight")
    assert torch.equal(weight, UNET["out.2.weight"])


@pytest.mark.parametrize("name", ["scale_weight", "weight_scale"])
def test_weights_of_eight_bits_are_multiplied_by_their_scale(tmp_path: Path, name: str) -> None:
    stem = f"{NETWORK}time_embed.0."
    small = STATE[f"{stem}weight"].mul(8).to(torch.float8_e4m3fn)
    state = STATE | {
        f"{stem}weight": small,
        f"{stem}{name}": torch.tensor(0.125),
        f"{NETWORK}scaled_fp8": torch.zeros(2).to(torch.float8_e4m3fn),
    }
    save_file(state, tmp_path / "x.safetensors")
    opened = open_checkpoint(tmp_path / "x.safetensors")
    weight = opened.model.base.network.get_parameter("time_embed.0.weight")
    assert torch.equal(weight, small.float() * 0.125)
    assert opened.report.unexpected == ()


def test_numbers_that_only_a_scale_for_each_block_makes_weights_are_refused(tmp_path: Path) -> None:
    name = f"{NETWORK}time_embed.0.weight"
    path = tmp_path / "x.safetensors"
    save_file(STATE | {name: torch.zeros(STATE[name].shape, dtype=torch.uint8)}, path)
    with pytest.raises(BrokenFile, match=r"time_embed\.0\.weight of its UNet is stored as uint8"):
        open_checkpoint(path)
    blocks = {f"{NETWORK}time_embed.0.weight_scale": torch.ones(4)}
    save_file(STATE | {name: STATE[name].to(torch.float8_e4m3fn)} | blocks, path)
    with pytest.raises(BrokenFile, match="4 scales are neither one nor one for each of 128 rows"):
        open_checkpoint(path)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (
            ["lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight"],
            r"It is LoRA.*put it in models/loras, for Load LoRA",
        ),
        (["control_model.zero_convs.0.0.weight"], r"It is ControlNet.*models/controlnet"),
        (["emb_params"], r"It is textual inversion.*models/embeddings, for embedding:NAME in a prompt"),
        (
            ["double_stream_modulation_img.lin.weight"],
            r"It is Flux 2.*known by name; it cannot be",
        ),
    ],
)
@pytest.mark.parametrize("opening", [open_checkpoint, open_diffusion, open_vae])
def test_a_file_in_the_wrong_folder_is_told_what_it_is_and_where_it_belongs(
    tmp_path: Path, opening: Callable[[Path], Any], names: list[str], words: str
) -> None:
    save_file({name: torch.zeros(4, 4) for name in names}, tmp_path / "x.safetensors")
    with pytest.raises(UnknownFormat, match=words):
        opening(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    "content", [torch.ones(2, 768), {"<cat>": torch.ones(1024)}, {"string_to_param": {"*": torch.ones(3, 9)}}]
)
def test_learnt_words_are_known_in_each_form(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "cat.pt")
    verdict = identify_path(tmp_path / "cat.pt")
    assert verdict.findings[0].kind == "embedding"
    assert "embedding:cat" in open_anything(verdict, Change()).lack("MODEL")


def torn(state: Mapping[str, Tensor], choose: random.Random) -> dict[str, Tensor]:
    """A state in which a few tensors are missing, or have another shape or type."""
    changed = dict(state)
    for _ in range(choose.choice([1, 1, 2, 4])):
        name = choose.choice(list(changed))
        shape = changed[name].shape
        others: list[Tensor | None] = [
            None,
            torch.zeros(()),
            torch.zeros(0),
            torch.zeros(*shape, 2),
            torch.zeros([max(1, size // 2) for size in shape]),
            torch.zeros([1] * len(shape)),
            torch.zeros(shape, dtype=choose.choice([torch.int8, torch.bool, torch.complex64])),
        ]
        other = choose.choice(others)
        del changed[name]
        if other is not None:
            changed[name] = other
    return changed


@pytest.mark.parametrize("seed", range(24))
def test_torn_files_are_refused_in_a_sentence_or_give_what_is_whole(tmp_path: Path, seed: int) -> None:
    choose = random.Random(seed)
    path = tmp_path / "torn.safetensors"
    part = choose.choice([NETWORK, VAE, TEXT])
    state = {name: tensor for name, tensor in STATE.items() if name.startswith(part)}
    save_file({name: tensor.clone() for name, tensor in torn(state, choose).items()}, path)
    try:
        told = open_anything(identify_path(path), Change()).report
    except NodeError as error:
        told = str(error)
    assert told.startswith(("torn.safetensors ", "torn.safetensors: "))


def damaged(content: bytes, choose: random.Random) -> bytes:
    """A file of which a few bytes are changed, missing or more than there were, mostly at its beginning."""
    changed = bytearray(content)
    for _ in range(choose.choice([1, 1, 2, 8, 40])):
        place = choose.randrange(min(len(changed), choose.choice([16, 400, len(changed)])))
        match choose.randrange(5):
            case 0:
                changed[place] = choose.randrange(256)
            case 1:
                del changed[place + 1 : place + choose.randrange(2, 50)]
            case 2:
                changed[place:place] = choose.randbytes(choose.randrange(1, 20))
            case 3:
                changed[place : place + 8] = choose.choice([1, 2**31, 2**40, 2**64 - 1]).to_bytes(8, "little")
            case _:
                del changed[place + 1 :]
    return bytes(changed)


@pytest.mark.parametrize("kind", ["safetensors", "zipped", "plain"])
@pytest.mark.parametrize("seed", range(8))
def test_damaged_bytes_get_a_verdict_or_a_refusal(tmp_path: Path, kind: str, seed: int) -> None:
    choose = random.Random(seed)
    path = tmp_path / "whole"
    state = {f"a.{index}": torch.zeros(3, index + 1) for index in range(20)}
    if kind == "safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=kind == "zipped")
    whole = path.read_bytes()
    for ending in [".safetensors", ".ckpt"] * 40:
        place = tmp_path / f"damaged{ending}"
        place.write_bytes(damaged(whole, choose))
        assert identify_path(place).lines()[0].startswith(place.name)
        try:
            told = f"{place.name} holds {len(open_weights(place))} tensors"
        except NodeError as error:
            told = str(error)
        assert told.startswith(place.name)
