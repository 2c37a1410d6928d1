"""Cuts, grows, feathers and combines masks."""

from typing import Annotated

import torch
import torch.nn.functional as functional
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Mask
from nodes.api.widgets import Choice, Range
from nodes.image.resize import planes

OPERATIONS = ("multiply", "add", "subtract", "and", "or", "xor")


@node(id="CropMask", category="mask")
def crop(
    mask: Mask,
    x: Annotated[int, Range(0, 16384, step=1)] = 0,
    y: Annotated[int, Range(0, 16384, step=1)] = 0,
    width: Annotated[int, Range(1, 16384, step=1)] = 512,
    height: Annotated[int, Range(1, 16384, step=1)] = 512,
) -> Mask:
    """Cut a rectangle out of a mask.

    Args:
        mask: (B, H, W), values in [0, 1].
        x: left edge.
        y: top edge.
        width: width of the rectangle; the result is narrower where the mask ends.
        height: height of the rectangle; the result is lower where the mask ends.
    """
    cells = planes(mask)
    if x >= cells.shape[2] or y >= cells.shape[1]:
        raise NodeError(f"({x}, {y}) lies outside a {cells.shape[2]}x{cells.shape[1]} mask")
    return cells[:, y : y + height, x : x + width]


@node(id="MaskComposite", category="mask")
def combine(
    *,
    destination: Mask,
    source: Mask,
    x: Annotated[int, Range(0, 16384, step=1)] = 0,
    y: Annotated[int, Range(0, 16384, step=1)] = 0,
    operation: Annotated[str, Choice(OPERATIONS)],
) -> Mask:
    """Combine one mask with another that is laid over it.

    Args:
        destination: (B, H, W), values in [0, 1].
        source: (B, H, W), or one mask for all of them; cut where it leaves the destination.
        x: left edge of the source in the destination.
        y: top edge of the source in the destination.
        operation: what is done where they overlap; and, or and xor look at rounded values.
    """
    result = planes(destination).clone()
    over = planes(source)
    if over.shape[0] not in (1, result.shape[0]):
        raise NodeError(f"destination has {result.shape[0]} masks but source has {over.shape[0]}")
    here = result[:, y : y + over.shape[1], x : x + over.shape[2]]
    over = over[:, : here.shape[1], : here.shape[2]]
    here.copy_(_operate(here.clone(), over, operation))
    return result.clamp(0, 1)


def _operate(under: Tensor, over: Tensor, operation: str) -> Tensor:
    if operation == "multiply":
        return under * over
    if operation == "add":
        return under + over
    if operation == "subtract":
        return under - over
    left, right = under.round().bool(), over.round().bool()
    if operation == "and":
        return (left & right).float()
    if operation == "or":
        return (left | right).float()
    return (left ^ right).float()


@node(id="FeatherMask", category="mask")
def feather(
    mask: Mask,
    left: Annotated[int, Range(0, 16384, step=1)] = 0,
    top: Annotated[int, Range(0, 16384, step=1)] = 0,
    right: Annotated[int, Range(0, 16384, step=1)] = 0,
    bottom: Annotated[int, Range(0, 16384, step=1)] = 0,
) -> Mask:
    """Fade a mask out towards its edges.

    Args:
        mask: (B, H, W), values in [0, 1].
        left: columns over which it fades on the left.
        top: rows over which it fades above.
        right: columns over which it fades on the right.
        bottom: rows over which it fades below.
    """
    cells = planes(mask)
    height, width = cells.shape[-2:]
    columns = _ramp(width, min(left, width)) * _mirrored_ramp(width, min(right, width))
    rows = _ramp(height, min(top, height)) * _mirrored_ramp(height, min(bottom, height))
    return cells * rows[:, None] * columns[None, :]


def _ramp(length: int, amount: int) -> Tensor:
    """Return weights (length,) that rise to 1 over the first `amount` places."""
    weights = torch.ones(length)
    if amount:
        weights[:amount] = torch.arange(1, amount + 1) / amount
    return weights


def _mirrored_ramp(length: int, amount: int) -> Tensor:
    """Return weights (length,) for the far edge, as saved workflows know them.

    Its darkest place is the *first* one and the last place has the second weight: the ramp wraps round.
    Pictures made with the ecosystem's feather have that line, so it is kept.
    """
    return _ramp(length, amount).flip(0).roll(1) if amount else torch.ones(length)


@node(id="GrowMask", display_name="Grow Mask", category="mask")
def grow(
    mask: Mask,
    expand: Annotated[int, Range(-16384, 16384, step=1)] = 0,
    tapered_corners: bool = True,
) -> Mask:
    """Grow or shrink the bright parts of a mask.

    Args:
        mask: (B, H, W), values in [0, 1].
        expand: pixels to grow by; negative shrinks.
        tapered_corners: grow in a diamond instead of a square.
    """
    cells = planes(mask).clone().unsqueeze(1)
    sign = 1 if expand >= 0 else -1
    for _ in range(min(abs(expand), sum(cells.shape[-2:]))):
        cells = sign * _dilate(sign * cells, tapered_corners)
    return cells.squeeze(1)


def _dilate(cells: Tensor, tapered: bool) -> Tensor:
    """Return (B, 1, H, W) with each value the largest of its 3 x 3 square, or of its plus shape."""
    if not tapered:
        return functional.max_pool2d(cells, 3, stride=1, padding=1)
    across = functional.max_pool2d(cells, (1, 3), stride=1, padding=(0, 1))
    down = functional.max_pool2d(cells, (3, 1), stride=1, padding=(1, 0))
    return torch.maximum(across, down)
