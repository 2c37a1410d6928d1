"""Cuts rectangles out of pictures and draws them."""

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image
from nodes.api.widgets import Choice, Hint, Range
from nodes.image.colours import BoundingBox, Box, read_box
from nodes.image.resize import resize_image

FITS = ("stretch", "pad")
BLANK_SIDE = 640
STROKE_PART = 200
"""Lines are one pixel wide, and wider in pictures of more than this many pixels."""
COLOURS = ((255, 64, 64), (64, 200, 64), (64, 128, 255), (255, 200, 0), (200, 64, 255), (0, 200, 200))

LinkedBoxes = Annotated[BoundingBox, Hint(socket_only=True)]
OutputSide = Annotated[int, Range(64, 4096), Hint(optional=True)]


def read_boxes(value: Any, count: int) -> list[list[Any]]:
    """Return the boxes of each of count pictures; one box, or one list of them, is for all pictures.

    Raises:
        NodeError: something in it is no box.
    """
    entries = list(value) if isinstance(value, list | tuple) else [value]
    if entries and all(isinstance(entry, list | tuple) for entry in entries):
        by_picture = [list(entry) for entry in entries]
    else:
        by_picture = [entries]
    for boxes in by_picture:
        for box in boxes:
            read_box(box)
    if not by_picture:
        by_picture = [[]]
    return [by_picture[min(index, len(by_picture) - 1)] for index in range(count)]


def union(boxes: Sequence[Box], padding: int = 0) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the rectangle around all boxes, enlarged on each side."""
    left, top = (min(box[side] for box in boxes) - padding for side in ("x", "y"))
    right = max(box["x"] + box["width"] for box in boxes) + padding
    bottom = max(box["y"] + box["height"] for box in boxes) + padding
    return left, top, right, bottom


@node(id="ImageCropV2", display_name="Crop Image", category="image/transform", outputs=("image",))
def crop(image: Image, crop_region: BoundingBox) -> Image:
    """Cut a drawn rectangle out of pictures.

    Args:
        image: (B, H, W, C), values in [0, 1].
        crop_region: the rectangle; it begins inside the picture and is cut where the picture ends.
    """
    region = read_box(crop_region)
    if region["width"] < 1 or region["height"] < 1:
        raise NodeError(f"a rectangle of {region['width']}x{region['height']} holds no pixel")
    left = max(0, min(region["x"], image.shape[2] - 1))
    top = max(0, min(region["y"], image.shape[1] - 1))
    return image[:, top : top + region["height"], left : left + region["width"]]


@node(
    id="CropByBBoxes", display_name="Crop By Bounding Boxes", category="image/transform", outputs=("image",)
)
def crop_by_boxes(
    image: Image,
    bboxes: LinkedBoxes,
    output_width: OutputSide = 512,
    output_height: OutputSide = 512,
    padding: Annotated[int, Range(0, 1024), Hint(optional=True)] = 0,
    keep_aspect: Annotated[str, Choice(FITS), Hint(optional=True)] = "stretch",
) -> Image:
    """Cut out of each picture the rectangle around all its boxes, and bring it to a size.

    Args:
        image: (B, H, W, C), values in [0, 1].
        bboxes: boxes for all pictures, or a list of them for each.
        output_width: width of the result in pixels.
        output_height: height of the result in pixels.
        padding: pixels to add around the boxes, as far as the picture reaches.
        keep_aspect: stretch distorts, pad puts black beside or above.
    """
    frames = []
    for frame, boxes in zip(torch.split(image, 1), read_boxes(bboxes, image.shape[0]), strict=True):
        if not boxes:
            raise NodeError("a picture without boxes cannot be cut to them")
        left, top, right, bottom = union([read_box(box) for box in boxes], padding)
        piece = frame[:, max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
        if 0 in piece.shape:
            raise NodeError(
                f"the boxes lie outside the {frame.shape[2]}x{frame.shape[1]} picture, around ({left}, {top})"
            )
        fitted = _stretched if keep_aspect == "stretch" else _padded
        frames.append(fitted(piece, output_width, output_height))
    return torch.cat(frames)


def _stretched(piece: Tensor, width: int, height: int) -> Tensor:
    return resize_image(piece, width, height, "bilinear")


def _padded(piece: Tensor, width: int, height: int) -> Tensor:
    factor = min(width / piece.shape[2], height / piece.shape[1])
    inner = max(1, round(piece.shape[2] * factor)), max(1, round(piece.shape[1] * factor))
    canvas = torch.zeros(1, height, width, piece.shape[3])
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas[:, top : top + inner[1], left : left + inner[0]] = _stretched(piece, *inner)
    return canvas


@node(id="DrawBBoxes", display_name="Draw BBoxes", category="image", outputs=("out_image",))
def draw(image: Image | None = None, *, bboxes: LinkedBoxes) -> Image:
    """Draw boxes with their labels on pictures.

    Args:
        image: (B, H, W, C), values in [0, 1]; a black sheet that holds all boxes without one.
        bboxes: boxes for all pictures, or a list of them for each; `label` and `score` are written inside.
    """
    from PIL import Image as Pictures
    from PIL import ImageDraw

    from nodes.loading.image import pixels
    from nodes.saving.image import to_picture

    base = _sheet(bboxes) if image is None else image[..., :3]
    frames = []
    for frame, boxes in zip(base, read_boxes(bboxes, base.shape[0]), strict=True):
        picture: Pictures.Image = to_picture(frame).convert("RGB")
        pen = ImageDraw.Draw(picture)
        line = max(1, max(picture.size) // STROKE_PART)
        for index, entry in enumerate(boxes):
            box, colour = read_box(entry), COLOURS[index % len(COLOURS)]
            corners = (box["x"], box["y"], box["x"] + box["width"] - 1, box["y"] + box["height"] - 1)
            if box["width"] < 1 or box["height"] < 1:
                continue
            pen.rectangle(corners, outline=colour, width=line)
            pen.text((box["x"] + line + 1, box["y"] + line), _caption(entry), fill=colour)
        frames.append(pixels(picture))
    return torch.stack(frames)


def _sheet(bboxes: Any) -> Tensor:
    found = [read_box(box) for boxes in read_boxes(bboxes, 1) for box in boxes]
    _, _, right, bottom = union(found) if found else (0, 0, 0, 0)
    return torch.zeros(1, max(BLANK_SIDE, bottom), max(BLANK_SIDE, right), 3)


def _caption(entry: Any) -> str:
    label, score = entry.get("label"), entry.get("score")
    words = [] if label is None else [str(label)]
    if isinstance(score, int | float):
        words.append(f"{score:.2f}")
    return " ".join(words)
