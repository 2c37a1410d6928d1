"""Stacks pictures as layers: what each shows, where it lies, and how it is blended with those below."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image, Layers, Mask
from nodes.api.widgets import Choice, Hint, Range
from nodes.image.blend_modes import MODES
from nodes.image.colours import Box, read_box
from nodes.image.draw_boxes import Incoming, read_elements
from nodes.image.resize import resize_mask

CATEGORY = "image/layers"
LARGEST = 16384

Place = Annotated[int, Range(-LARGEST, LARGEST), Hint(optional=True)]
Side = Annotated[int, Range(0, LARGEST), Hint(optional=True)]


@dataclass(frozen=True, eq=False)
class Layer:
    """A picture on a canvas.

    Attributes:
        image: (H, W, 3), values in [0, 1].
        mask: (H, W), 1 = transparent.
        name: for people.
        x: left edge before it is turned, in pixels of the canvas.
        y: top edge.
        opacity: 0 to 1.
        blend_mode: how it is blended with what is below, a name in MODES.
        rotation: about its centre, clockwise, in degrees.
        width: to which it is scaled, in pixels.
        height: to which it is scaled.
        z_index: layers of greater numbers lie above, those of equal ones as they come.
        flip_h: whether left and right are swapped.
        flip_v: whether it is upside down.
    """

    image: Tensor
    mask: Tensor
    name: str = ""
    x: int = 0
    y: int = 0
    opacity: float = 1.0
    blend_mode: str = "normal"
    rotation: float = 0.0
    width: int = 0
    height: int = 0
    z_index: int = 0
    flip_h: bool = False
    flip_v: bool = False


@dataclass(frozen=True, eq=False)
class LayerStack:
    """Layers in the order in which they came; LAYERS on the wires.

    Attributes:
        layers: all of them.
        canvas: width and height; None where the layers say how large it is.
    """

    layers: tuple[Layer, ...] = ()
    canvas: tuple[int, int] | None = None


def stack_of(value: Any) -> LayerStack:
    """Return the stack that came over a link; an empty one where nothing is linked."""
    if value is None:
        return LayerStack()
    if not isinstance(value, LayerStack):
        raise NodeError(
            f"layers come from Add Layer or Layers From Bounding Boxes, but here is {value!r:.60}"
        )
    return value


def frames_of(image: Tensor, mask: Tensor | None) -> list[Layer]:
    """Return a layer at the origin for each picture.

    Args:
        image: (B, H, W, 1, 3 or 4), values in [0, 1]; a fourth channel is opacity.
        mask: (H, W) or (1 or B, H, W) of any size, 1 = transparent; None for none.

    Raises:
        NodeError: for pictures of another kind, or masks that are neither one nor as many.
    """
    count, height, width, channels = image.shape
    if channels not in (1, 3, 4):
        raise NodeError(f"the pictures of layers have 1, 3 or 4 channels, not {channels}")
    colours = image[..., :3].expand(-1, -1, -1, 3)
    opaque = image[..., 3] if channels == 4 else image.new_ones(count, height, width)
    if mask is not None:
        fitted = resize_mask(mask, width, height)
        if fitted.shape[0] not in (1, count):
            raise NodeError(
                f"{fitted.shape[0]} masks came for {count} pictures: one is wanted, or one for each"
            )
        opaque = opaque * (1.0 - fitted)
    return [Layer(colours[index], 1.0 - opaque[index], width=width, height=height) for index in range(count)]


@node(id="AddLayer", display_name="Add Layer", category=CATEGORY, outputs=("layers",), experimental=True)
def add_layer(
    *,
    layers: Layers | None = None,
    image: Image,
    mask: Mask | None = None,
    name: Annotated[str, Hint(optional=True)] = "",
    x: Place = 0,
    y: Place = 0,
    opacity: Annotated[float, Range(0.0, 1.0, step=0.01), Hint(optional=True)] = 1.0,
    blend_mode: Annotated[str, Choice(MODES), Hint(optional=True)] = "normal",
    rotation: Annotated[float, Range(-360.0, 360.0, step=1.0), Hint(optional=True)] = 0.0,
    width: Side = 0,
    height: Side = 0,
    z_index: Annotated[int, Range(-1000, 1000), Hint(optional=True)] = 0,
    flip_h: Annotated[bool, Hint(optional=True)] = False,
    flip_v: Annotated[bool, Hint(optional=True)] = False,
) -> Layers:
    """Put a picture on a stack of layers, for Create Layered Image.

    Args:
        layers: the stack; a new one begins without it.
        image: (B, H, W, C), values in [0, 1]; each picture of a batch becomes a layer.
        mask: (B, H, W), 1 = transparent; what the picture has of transparency itself counts, too.
        name: what people call it.
        x: left edge on the canvas in pixels.
        y: top edge on the canvas in pixels.
        opacity: how much of it is seen, from nothing at 0.
        blend_mode: how it is blended with the layers below; where there are none, modes other than normal
            show nothing.
        rotation: by how much it is turned about its centre, clockwise, in degrees.
        width: width on the canvas in pixels; 0 is that of the picture.
        height: height on the canvas in pixels; 0 is that of the picture.
        z_index: layers of greater numbers lie above; those of equal ones lie as they came.
        flip_h: swap left and right.
        flip_v: turn it upside down.
    """
    stack = stack_of(layers)
    frames = frames_of(image, mask)
    added = tuple(
        replace(
            frame,
            name=name if len(frames) == 1 or not name else f"{name} {index}",
            x=x,
            y=y,
            opacity=opacity,
            blend_mode=blend_mode,
            rotation=rotation,
            width=width or frame.width,
            height=height or frame.height,
            z_index=z_index,
            flip_h=flip_h,
            flip_v=flip_v,
        )
        for index, frame in enumerate(frames, start=1)
    )
    return replace(stack, layers=(*stack.layers, *added))


@node(id="LayersFromBoundingBoxes", display_name="Layers From Bounding Boxes", category=CATEGORY)
def layers_from_boxes(
    *,
    image: Image,
    bboxes: Incoming,
    mask: Mask | None = None,
    layers: Layers | None = None,
    crop_to_content: Annotated[bool, Hint(optional=True)] = True,
    canvas_width: Side = 0,
    canvas_height: Side = 0,
) -> Layers:
    """Make a layer of each picture and put it where its box is, for Create Layered Image.

    Args:
        image: (B, H, W, C), values in [0, 1].
        bboxes: a box for each picture, in order, or JSON of them; pictures without one lie at the origin.
            A box scales its picture to its size; its metadata.name and metadata.z_index are the layer's.
        mask: (B, H, W), 1 = transparent.
        layers: a stack to put them on; a new one begins without it.
        crop_to_content: cut pictures to the metadata.content_rect of their boxes, where there is one, and put
            what remains unscaled at the box, moved by the place of the cut.
        canvas_width: width of the canvas in pixels; 0 is as the layers need, or as it was.
        canvas_height: height of the canvas in pixels.
    """
    stack = stack_of(layers)
    frames, boxes = frames_of(image, mask), read_elements(bboxes)
    if len(boxes) > len(frames):
        raise NodeError(f"{len(boxes)} boxes came for {len(frames)} pictures: one at most is for each")
    placed = [
        *(_placed(frame, box, crop_to_content) for frame, box in zip(frames, boxes, strict=False)),
        *frames[len(boxes) :],
    ]
    if stack.layers:
        above = max(layer.z_index for layer in stack.layers) + 1 - min(layer.z_index for layer in placed)
        placed = [replace(layer, z_index=layer.z_index + above) for layer in placed]
    canvas = (canvas_width, canvas_height) if canvas_width and canvas_height else stack.canvas
    return LayerStack((*stack.layers, *placed), canvas)


def _placed(frame: Layer, box: Mapping[str, Any], is_cut: bool) -> Layer:
    """A picture where a box is."""
    about = box.get("metadata")
    about = about if isinstance(about, Mapping) else {}
    name = about.get("name") or about.get("desc") or box.get("desc") or box.get("label") or ""
    height = about.get("z_index", 0)
    if not isinstance(height, int):
        raise NodeError(f"the z_index of a box is a whole number, not {height!r:.40}")
    layer = replace(frame, name=str(name), x=box["x"], y=box["y"], z_index=height)
    if is_cut and about.get("content_rect") is not None:
        return _cut(layer, read_box(about["content_rect"]))
    width, height = box["width"], box["height"]
    if max(width, height) > LARGEST:
        raise NodeError(f"a box of {width}x{height} pixels is larger than a layer may be: {LARGEST}")
    return replace(
        layer,
        width=width if width > 0 else frame.width,
        height=height if height > 0 else frame.height,
    )


def _cut(layer: Layer, rectangle: Box) -> Layer:
    """The part of a layer in a rectangle of its picture, where it was."""
    left, top = max(0, rectangle["x"]), max(0, rectangle["y"])
    right, bottom = rectangle["x"] + rectangle["width"], rectangle["y"] + rectangle["height"]
    rows, columns = slice(top, max(0, bottom)), slice(left, max(0, right))
    image, mask = layer.image[rows, columns], layer.mask[rows, columns]
    if 0 in image.shape:
        size = f"{layer.image.shape[1]}x{layer.image.shape[0]}"
        raise NodeError(f"the content_rect {dict(rectangle)} holds nothing of a picture of {size} pixels")
    height, width = mask.shape
    return replace(
        layer, image=image, mask=mask, x=layer.x + left, y=layer.y + top, width=width, height=height
    )
