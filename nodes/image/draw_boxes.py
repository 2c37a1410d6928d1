"""Holds boxes that are drawn on the node itself, over boxes that come from elsewhere."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import torch

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image, Socket
from nodes.api.widgets import Hint, Range
from nodes.image.boxes import draw
from nodes.image.colours import BoundingBox, read_box

NONE_DRAWN: list[Any] = []
LISTS = ("boxes", "bboxes", "elements")

Side = Annotated[int, Range(64, 16384, step=16)]
Drawn = Annotated[Any, Socket("BOUNDING_BOXES")]
Incoming = Annotated[Any, Socket("BOUNDING_BOX,ARRAY,STRING")]
Array = Annotated[Any, Socket("ARRAY")]


class Boxes(NamedTuple):
    """A picture of the boxes, the boxes, and all that is known of each."""

    preview: Image
    bboxes: BoundingBox
    elements: Array


def read_elements(value: Any) -> list[dict[str, Any]]:
    """Return boxes with whatever else is known of them, of a list, of an object that holds one, or of JSON.

    Raises:
        NodeError: the text is no JSON, or something in it is no box.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else []
        except (ValueError, RecursionError) as error:
            raise NodeError(
                f"boxes as a text are written in JSON, but here is {value[:60]!r}: {error}"
            ) from error
    if isinstance(value, Mapping):
        held = next((value[name] for name in LISTS if isinstance(value.get(name), list | tuple)), None)
        value = [value] if held is None else held
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise NodeError(f"boxes come as a list, but here is {value!r:.100}")
    flat = [box for entry in value for box in (entry if isinstance(entry, list | tuple) else (entry,))]
    return [{**box, **read_box(box)} if isinstance(box, dict) else dict(read_box(box)) for box in flat]


@node(id="CreateBoundingBoxes", display_name="Create Bounding Boxes", category="image")
def create_boxes(
    *,
    background: Image | None = None,
    bboxes: Incoming | None = None,
    width: Side = 1024,
    height: Side = 1024,
    editor_state: Drawn = NONE_DRAWN,
    last_incoming: Annotated[Drawn, Hint(optional=True)] = NONE_DRAWN,
) -> Boxes:
    """Give boxes that are drawn on the node itself, in pixels of a sheet.

    Args:
        background: (B, H, W, C), values in [0, 1]; what the boxes are drawn on; its size is the sheet's.
        bboxes: boxes to begin with; where they are others than last time, what was drawn over them is gone.
        width: width of the sheet in pixels, where there is no background.
        height: height of the sheet in pixels.
        editor_state: the boxes that were drawn.
        last_incoming: the boxes that it was drawn over.
    """
    drawn = read_elements(editor_state)
    given = [] if bboxes is None else read_elements(bboxes)
    is_stale = bboxes is not None and given != read_elements(last_incoming)
    elements = given if is_stale or not drawn else drawn
    found = [dict(read_box(box)) for box in elements]
    sheet = torch.zeros(1, height, width, 3) if background is None else background[:1, ..., :3]
    return Boxes(draw(sheet, bboxes=elements), found, elements)
