"""Says where things of a prompt stand."""

from dataclasses import replace
from typing import Annotated

import torch

from loaders.embeddings import embedding_finder
from models.adapters.gligen import MOST_BOXES, Box
from models.text.encode import pooled_before_projection
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Clip, Conditioning, Gligen
from nodes.api.widgets import Range, Text
from nodes.conditioning.encoding import hooked
from schedulers.boxes import Boxes

Size = Annotated[int, Range(8, 16384, step=8)]
Place = Annotated[int, Range(0, 16384, step=8)]


@node(id="GLIGENTextBoxApply", display_name="GLIGENTextBoxApply", category="conditioning/gligen")
def add_text_box(
    ctx: Context,
    *,
    conditioning_to: Conditioning,
    clip: Clip,
    gligen_textbox_model: Gligen,
    text: Annotated[str, Text(embeddings=True)],
    width: Size = 64,
    height: Size = 64,
    x: Place = 0,
    y: Place = 0,
) -> Conditioning:
    """Say where something of a prompt stands; several boxes add up, the negative prompt sees them too.

    Args:
        conditioning_to: prompts.
        clip: the text encoder of the model.
        gligen_textbox_model: a GLIGEN adapter for the model.
        text: what stands there.
        width: width of the box in pixels.
        height: height of the box in pixels.
        x: left edge in pixels.
        y: top edge in pixels.
    """
    with ctx.resident(hooked(clip)) as base, torch.no_grad():
        pooled = pooled_before_projection(base, text, embedding_finder(ctx.files))
    if pooled.shape[-1] != gligen_textbox_model.base.network.text_width:
        raise NodeError(
            f"this GLIGEN is for texts of {gligen_textbox_model.base.network.text_width} numbers, "
            f"but this text encoder gives {pooled.shape[-1]}"
        )
    box = Box(pooled[0], height // 8, width // 8, y // 8, x // 8)
    changed = []
    for entry in conditioning_to:
        held = entry.extra.get("gligen")
        boxes = (*(held.boxes if held else ()), box)
        if len(boxes) > MOST_BOXES:
            raise NodeError(f"a prompt can have {MOST_BOXES} boxes, not {len(boxes)}")
        changed.append(replace(entry, extra={**entry.extra, "gligen": Boxes(gligen_textbox_model, boxes)}))
    return tuple(changed)
