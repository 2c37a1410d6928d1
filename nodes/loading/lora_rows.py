"""Applies several LoRA files at once, a row for each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from loaders.lora import LoraLoad, open_lora
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Clip, Model
from nodes.api.widgets import Grow
from nodes.loading.lora import LoraFile, Strength


@dataclass(frozen=True)
class LoraRow:
    """A LoRA that counts.

    Args:
        lora_name: a file of the loras folder.
        strength: how strongly it changes what it is applied to; 0 leaves it alone, below 0 it changes it the
            other way.
        enabled: off leaves this row out.
    """

    lora_name: LoraFile
    strength: Strength = 1.0
    enabled: bool = True


Rows = Annotated[list[LoraRow], Grow(prefix="LoRA", minimum=1, maximum=20)]


@node(id="LoadLoraModel", display_name="Load LoRA (Model)", category="loaders")
def load_loras_for_model(ctx: Context, *, model: Model, loras: Rows) -> Model:
    """Apply LoRAs to a model, one after another; the node shows how much of each file fits.

    Args:
        model: the network that draws.
        loras: a row for each LoRA, applied from top to bottom.
    """
    lines: list[str] = []
    for row, lora in _opened(ctx, loras, model, None, lines):
        model = lora.patch_model(model, row.strength)
    ctx.show("text", lines)
    return model


@node(id="LoadLoraTextEncoder", display_name="Load LoRA (Text Encoder)", category="loaders")
def load_loras_for_text_encoder(ctx: Context, *, clip: Clip, loras: Rows) -> Clip:
    """Apply LoRAs to a text encoder, one after another; the node shows how much of each file fits.

    Args:
        clip: the text encoder.
        loras: a row for each LoRA, applied from top to bottom.
    """
    lines: list[str] = []
    for row, lora in _opened(ctx, loras, None, clip, lines):
        clip = lora.patch_clip(clip, row.strength)
    ctx.show("text", lines)
    return clip


def _opened(
    ctx: Context, rows: Sequence[LoraRow], model: Model | None, clip: Clip | None, lines: list[str]
) -> Iterator[tuple[LoraRow, LoraLoad]]:
    """The rows that count with their files open; what there is to say of these goes into `lines`."""
    for row in rows:
        if not row.enabled or row.strength == 0:
            continue
        lora = open_lora(ctx.files.find("loras", row.lora_name), model, clip)
        lines += lora.report.lines()
        yield row, lora
