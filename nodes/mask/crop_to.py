"""Cuts pictures to what a mask shows."""

from typing import Annotated

import torch
import torch.nn.functional as functional
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image, Mask
from nodes.api.widgets import Range
from nodes.image.batch import repeat_to_batch
from nodes.image.colours import Colour, colour_tensor
from nodes.image.morphology import dilate, erode
from nodes.image.resize import planes, resize_image, resize_mask

SHOWN = 0.5

Side = Annotated[int, Range(64, 4096, step=8)]


def box_of(mask: Tensor) -> tuple[int, int, int, int] | None:
    """Return left, top, right and bottom of what is above one half in a mask (H, W), or None."""
    rows, columns = (mask > SHOWN).nonzero(as_tuple=True)
    if not len(rows):
        return None
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def cut(image: Tensor, left: int, top: int, width: int, height: int) -> Tensor:
    """Return the rectangle of image (1, H, W, C); what lies outside the picture is 0."""
    right, bottom = left + width - image.shape[2], top + height - image.shape[1]
    padded = functional.pad(image, (0, 0, max(0, -left), max(0, right), max(0, -top), max(0, bottom)))
    left, top = max(0, left), max(0, top)
    return padded[:, top : top + height, left : left + width]


@node(
    id="ImageCropToMask", display_name="Crop Image to Mask", category="image/transform", outputs=("images",)
)
def crop_to_mask(
    images: Image,
    masks: Mask,
    width: Side = 1024,
    height: Side = 1024,
    pad_factor: Annotated[float, Range(1.0, 2.0, step=0.01)] = 1.0,
    grow_mask: Annotated[int, Range(-32, 32, step=1)] = 0,
    background: Colour = "#000000",
) -> Image:
    """Cut pictures to what their masks show, on a ground of one colour, and bring them to a size.

    Args:
        images: (B, H, W, C), values in [0, 1].
        masks: (B, H, W), 1 = what is shown; one mask can be for all pictures.
        width: width of the result in pixels.
        height: height of the result in pixels.
        pad_factor: how much larger than what is shown the cut is; its middle and its format stay.
        grow_mask: pixels by which the mask grows, or shrinks below 0.
        background: colour of the ground, #RRGGBB.
    """
    shown = repeat_to_batch(resize_mask(masks, images.shape[2], images.shape[1]), images.shape[0])
    if grow_mask:
        change = dilate if grow_mask > 0 else erode
        shown = planes(change(shown.unsqueeze(1), 2 * abs(grow_mask) + 1))
    ground = colour_tensor(background)
    frames = []
    for index, frame in enumerate(torch.split(images[..., :3], 1)):
        mask = shown[index : index + 1]
        box = box_of(mask[0])
        if box is None:
            raise NodeError(f"the mask of picture {index} shows nothing")
        left, top, right, bottom = box
        # The smallest rectangle of the wanted format around the box, then enlarged.
        factor = max((right - left) / width, (bottom - top) / height) * pad_factor
        size = max(1, round(width * factor)), max(1, round(height * factor))
        place = round((left + right - size[0]) / 2), round((top + bottom - size[1]) / 2)
        weight = mask.unsqueeze(-1)
        piece = torch.cat((frame * weight, weight), dim=-1)
        fitted = resize_image(cut(piece, *place, *size), width, height, "area" if factor > 1 else "bilinear")
        frames.append(fitted[..., :3] + ground * (1 - fitted[..., 3:]))
    return torch.cat(frames)
