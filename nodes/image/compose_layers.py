"""Makes a picture of layers: each is mirrored, scaled, turned and blended with those below it.

References: W3C, Compositing and Blending Level 1 (2015), sections "Porter Duff compositing operators" and
"Blending": the normal mode lies over what is below, the others lie atop it and leave its shape as it is.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image, Layers, Mask, Socket
from nodes.image.blend_modes import blended
from nodes.image.layers import CATEGORY, LARGEST, Layer, LayerStack, stack_of

MOST_LAYERS = 50
OPAQUE = 1.0 - 1e-6

Composition = Annotated[Any, Socket("COMPOSITOR")]


class Composed(NamedTuple):
    """A picture and what of it is transparent."""

    IMAGE: Image
    MASK: Mask


class Patch(NamedTuple):
    """What a layer shows: (h, w, 4) colours times opacity and opacity, and its top left corner."""

    pixels: Tensor
    left: int
    top: int


@node(id="ImageCompositor", display_name="Create Layered Image", category=CATEGORY)
def compose(*, layers: Layers, compositor: Composition | None = None) -> Composed:
    """Make one picture of layers.

    The canvas begins at the origin and reaches as far as the layers do, where it was not given a size; what
    lies left of it or above it is cut.

    Args:
        layers: the layers, of Add Layer or Layers From Bounding Boxes; 50 at most.
        compositor: what a layer editor keeps here; this app has none, so it must be empty.
    """
    if is_filled(compositor):
        raise NodeError(
            "compositor holds a composition that was made in a layer editor, which is not there in this app: "
            "empty it, and say in Add Layer where the layers lie"
        )
    stack = stack_of(layers)
    if not 0 < len(stack.layers) <= MOST_LAYERS:
        raise NodeError(f"a picture is made of 1 to {MOST_LAYERS} layers, but {len(stack.layers)} came")
    canvas = composed(stack.layers, *canvas_size(stack))
    opacity = canvas[..., 3:]
    colours = torch.where(opacity > 0, canvas[..., :3] / opacity.clamp(min=1e-12), torch.zeros(()))
    if bool((opacity >= OPAQUE).all()):
        return Composed(colours.clamp(0, 1)[None], torch.zeros(1, *canvas.shape[:2]))
    picture = torch.cat([colours, opacity], dim=-1).clamp(0, 1)
    return Composed(picture[None], 1.0 - picture[None, ..., 3])


def is_filled(value: Any) -> bool:
    """Return whether what a layer editor keeps is more than nothing: lists or tables that hold something."""
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else None
        except (ValueError, RecursionError):
            return True
    if isinstance(value, Mapping):
        return any(isinstance(each, Mapping | Sequence) and len(each) > 0 for each in value.values())
    return bool(value)


def canvas_size(stack: LayerStack) -> tuple[int, int]:
    """Return width and height of the canvas of a stack with layers.

    Raises:
        NodeError: if nothing lies on it, or it would be too large.
    """
    width, height = stack.canvas or (0, 0)
    if stack.canvas is None:
        reaches = [_bounds(layer) for layer in stack.layers]
        width, height = max(reach[2] for reach in reaches), max(reach[3] for reach in reaches)
    if width < 1 or height < 1:
        raise NodeError("all layers lie left of the canvas or above it")
    if max(width, height) > LARGEST:
        raise NodeError(f"the layers need a canvas of {width}x{height} pixels, but {LARGEST} is the most")
    return width, height


def composed(layers: Sequence[Layer], width: int, height: int) -> Tensor:
    """Return layers on a canvas (height, width, 4): colours times opacity, and opacity."""
    canvas = torch.zeros(height, width, 4)
    for layer in sorted(layers, key=lambda each: each.z_index):
        patch = _cut_to(_drawn(layer, width, height), width, height)
        if patch is None:
            continue
        rows = slice(patch.top, patch.top + patch.pixels.shape[0])
        columns = slice(patch.left, patch.left + patch.pixels.shape[1])
        canvas[rows, columns] = _laid(canvas[rows, columns], patch.pixels * layer.opacity, layer.blend_mode)
    return canvas


def _laid(below: Tensor, above: Tensor, mode: str) -> Tensor:
    """Pixels (h, w, 4) with others (h, w, 4) on them, colours times opacity in each."""
    under, over = below[..., 3:], above[..., 3:]
    if mode == "normal":
        return above + (1 - over) * below
    plain = [each[..., :3] / each[..., 3:].clamp(min=1e-12) for each in (below, above)]
    mixed = blended(mode, plain[0].clamp(0, 1), plain[1].clamp(0, 1))
    colours = over * under * mixed + (1 - over) * below[..., :3]
    return torch.cat([colours, under], dim=-1)


def _bounds(layer: Layer) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what a layer covers."""
    turn = math.radians(layer.rotation)
    across, down = abs(math.cos(turn)), abs(math.sin(turn))
    half_width = (layer.width * across + layer.height * down) / 2
    half_height = (layer.width * down + layer.height * across) / 2
    x, y = layer.x + layer.width / 2, layer.y + layer.height / 2
    # So that a whole turn does not add a pixel by rounding.
    low, high = 1e-6, -1e-6
    return (
        math.floor(x - half_width + low),
        math.floor(y - half_height + low),
        math.ceil(x + half_width + high),
        math.ceil(y + half_height + high),
    )


def _drawn(layer: Layer, width: int, height: int) -> Patch:
    """A layer as it lies, of which nothing beyond a canvas is needed."""
    opacity = (1.0 - layer.mask)[..., None]
    pixels = torch.cat([layer.image * opacity, opacity], dim=-1)
    turned = [axis for axis, is_turned in ((0, layer.flip_v), (1, layer.flip_h)) if is_turned]
    pixels = pixels.flip(turned) if turned else pixels
    if pixels.shape[:2] != (layer.height, layer.width):
        planes = pixels.movedim(-1, 0)[None]
        scaled = interpolate(planes, size=(layer.height, layer.width), mode="bilinear", antialias=True)
        pixels = scaled[0].movedim(0, -1)
    quarters, rest = divmod(layer.rotation, 90.0)
    is_even = (layer.width - layer.height) % 2 == 0 or quarters % 2 == 0
    if rest == 0 and is_even:
        left, top, _, _ = _bounds(layer)
        return Patch(pixels.rot90(-int(quarters)), left, top)
    return _turned(layer, pixels, width, height)


def _turned(layer: Layer, pixels: Tensor, width: int, height: int) -> Patch:
    """Pixels (h, w, 4) of a layer turned about its centre, between those that are nearest."""
    left, top, right, bottom = _bounds(layer)
    left, top, right, bottom = max(0, left), max(0, top), min(width, right), min(height, bottom)
    turn = math.radians(layer.rotation)
    across = torch.arange(left, max(left, right)) + 0.5 - (layer.x + layer.width / 2)
    down = (torch.arange(top, max(top, bottom)) + 0.5 - (layer.y + layer.height / 2))[:, None]
    x = across * math.cos(turn) + down * math.sin(turn)
    y = down * math.cos(turn) - across * math.sin(turn)
    grid = torch.stack([2 * x / layer.width, 2 * y / layer.height], dim=-1)
    if 0 in grid.shape:
        return Patch(torch.zeros(0, 0, 4), 0, 0)
    sampled = grid_sample(pixels.movedim(-1, 0)[None], grid[None].to(pixels), align_corners=False)
    return Patch(sampled[0].movedim(0, -1), left, top)


def _cut_to(patch: Patch, width: int, height: int) -> Patch | None:
    """The part of a patch that lies on a canvas, or None where none does."""
    left, top = max(0, patch.left), max(0, patch.top)
    pixels = patch.pixels[top - patch.top :, left - patch.left :]
    pixels = pixels[: max(0, height - top), : max(0, width - left)]
    return None if 0 in pixels.shape else Patch(pixels, left, top)
