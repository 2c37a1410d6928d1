"""Checks the style adapter against a second one of torch's own attention, from the file to the prompt."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from loaders.errors import BrokenFile, UnknownFormat
from models.vision.clip import VisionOutput
from nodes.api.errors import NodeError
from nodes.conditioning.style import apply_style_model
from nodes.loading.style import load_style_model
from schedulers.conditioning import Entry
from tests.fixtures.checkpoints import redrawn
from tests.oracle.diffusers_names import worst_ratio
from tests.oracle.open_clip import Block

WIDTH, CONTEXT, TOKENS = 64, 24, 3


class Rough(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class Adapter(nn.Module):
    """The makers' layout."""

    def __init__(self) -> None:
        super().__init__()
        self.style_embedding = nn.Parameter(torch.empty(1, TOKENS, WIDTH))
        self.transformer_layes = nn.ModuleList(Block(WIDTH, 8, 4 * WIDTH) for _ in range(3))
        for block in self.transformer_layes:
            block.mlp.gelu = Rough()
        self.ln_pre = nn.LayerNorm(WIDTH)
        self.ln_post = nn.LayerNorm(WIDTH)
        self.proj = nn.Parameter(torch.empty(WIDTH, CONTEXT))

    def forward(self, seen: Tensor) -> Tensor:
        rows = [torch.cat([row, self.style_embedding[0]]) for row in seen]
        x = self.ln_pre(torch.stack(rows))
        for block in self.transformer_layes:
            x = block(x, None)
        return self.ln_post(x[:, len(rows[0]) - TOKENS :]) @ self.proj


@pytest.fixture
def adapter(folders) -> Adapter:
    made = redrawn(Adapter(), 5)
    save_file(made.state_dict(), folders.models / "style_models" / "style.safetensors")
    return made


def seen(batch: int, width: int = WIDTH) -> VisionOutput:
    states = torch.randn(batch, 7, width, generator=torch.Generator().manual_seed(3))
    return VisionOutput(states, states[:, 0], states)


def entry(rows: int = 1, width: int = CONTEXT) -> Entry:
    return Entry(torch.randn(rows, 5, width, generator=torch.Generator().manual_seed(rows)))


def apply(
    ctx: Any, conditioning: tuple[Entry, ...], model: Any, output: VisionOutput, strength: float = 1.0
) -> tuple[Entry, ...]:
    made: tuple[Entry, ...] = apply_style_model(
        ctx,
        conditioning=conditioning,
        style_model=model,
        clip_vision_output=output,
        strength=strength,
        strength_type="multiply",
    )
    return made


def test_the_style_of_each_picture_stands_behind_the_prompt(ctx, adapter) -> None:
    model = load_style_model(ctx, "style.safetensors")
    plain = (entry(), entry(2))
    styled = apply(ctx, plain, model, seen(2), 0.5)
    with torch.no_grad():
        expected = 0.5 * torch.cat(list(adapter(seen(2).last_hidden_state)))
    for before, after in zip(plain, styled, strict=True):
        assert after.embedding.shape == (len(before.embedding), 5 + 2 * TOKENS, CONTEXT)
        assert torch.equal(after.embedding[:, :5], before.embedding)
        for row in after.embedding[:, 5:]:
            assert worst_ratio(row, expected) <= 5e-5


def test_what_does_not_fit_is_refused_with_both_widths(ctx, adapter) -> None:
    model = load_style_model(ctx, "style.safetensors")
    with pytest.raises(ValueError, match="width 64, not 32"):
        apply(ctx, (entry(),), model, seen(1, width=32))
    with pytest.raises(NodeError, match="prompts of width 24, but these have 16"):
        apply(ctx, (entry(width=16),), model, seen(1))


def test_other_files_are_refused(ctx, adapter, folders) -> None:
    folder: Path = folders.models / "style_models"
    save_file({"redux_down.weight": torch.zeros(2, 2)}, folder / "redux.safetensors")
    with pytest.raises(UnknownFormat, match=r"style_embedding.*It holds redux_down\.weight"):
        load_style_model(ctx, "redux.safetensors")
    state = adapter.state_dict()
    del state["ln_post.bias"]
    save_file(state, folder / "part.safetensors")
    with pytest.raises(BrokenFile, match=r"style adapter are missing: ln_post\.bias"):
        load_style_model(ctx, "part.safetensors")
