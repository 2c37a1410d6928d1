"""Saved prompts open again, bit for bit, and draw the same picture without their text encoder."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from loaders.checkpoint import Checkpoint
from nodes.api.errors import NodeError
from nodes.conditioning.combine import combine
from nodes.conditioning.text import encode
from nodes.loading.conditioning import load
from nodes.saving.conditioning import save
from tests.nodes.conftest import MakeContext, Recorded

PROMPT = {"1": {"class_type": "SaveConditioning", "inputs": {}}}


def moved(folder: Path, name: str) -> str:
    target = folder / "models" / "embeddings" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(folder / "output" / "conditioning" / name, target)
    return name


def test_saved_prompts_open_again(ctx: Recorded, checkpoint: Checkpoint, tmp_path: Path) -> None:
    both = combine(
        encode(ctx, text="a cat", clip=checkpoint.clip), encode(ctx, text="a dog", clip=checkpoint.clip)
    )
    assert save(ctx, both) is both
    assert [record["filename"] for record in ctx.shown["conditionings"]] == ["ComfyUI_00001_.safetensors"]
    opened = load(ctx, moved(tmp_path, "ComfyUI_00001_.safetensors"))
    assert len(opened) == 2
    for one, other in zip(both, opened, strict=True):
        assert torch.equal(one.embedding, other.embedding)
        assert torch.equal(one.pooled, other.pooled)
        assert (one.strength, dict(one.extra)) == (other.strength, dict(other.extra))


def test_the_workflow_is_in_the_file(
    make_context: MakeContext, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    ctx = make_context(prompt=PROMPT)
    save(ctx, encode(ctx, text="a cat", clip=checkpoint.clip))
    with safe_open(tmp_path / "output" / "conditioning" / "ComfyUI_00001_.safetensors", "pt") as file:
        assert json.loads(file.metadata()["prompt"]) == PROMPT


def test_what_cannot_be_kept_leaves_no_file(ctx: Recorded, checkpoint: Checkpoint, tmp_path: Path) -> None:
    (entry,) = encode(ctx, text="a cat", clip=checkpoint.clip)
    hooked: Any = type(entry)(entry.embedding, extra={"hooks": object()})
    with pytest.raises(NodeError, match="carries 'hooks'"):
        save(ctx, (hooked,))
    assert not list((tmp_path / "output").rglob("*.*"))


def test_a_file_that_is_none_is_refused_by_name(ctx: Recorded, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "embeddings"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "other.pt").write_bytes(b"no tensors")
    with pytest.raises(NodeError, match=r"other\.pt cannot be used"):
        load(ctx, "other.pt")
    save_file({"emb_params": torch.zeros(2, 4)}, folder / "other.safetensors")
    with pytest.raises(NodeError, match=r"other\.safetensors cannot be read as a conditioning: .*emb_params"):
        load(ctx, "other.safetensors")
