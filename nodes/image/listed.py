"""Prepares lists of pictures one by one: sizes, crops, brightness."""

from functools import partial
from typing import Annotated

import numpy
from torch import Tensor

from nodes.api.declare import node
from nodes.api.sockets import Image
from nodes.api.widgets import Range
from nodes.image.resize import resize_image

SEED_SPAN = 2**32 - 1

Side = Annotated[int, Range(1, 8192)]
Factor = Annotated[float, Range(0.0, 2.0)]
PlainSeed = Annotated[int, Range(0, 2**64 - 1)]

listed = partial(node, category="dataset/image", experimental=True, outputs=("images",))
"""Declares a node that takes the pictures of a list one by one."""


def random_state(seed: int) -> numpy.random.RandomState:
    """Return the generator that gives these nodes the crops and orders that saved workflows know."""
    return numpy.random.RandomState(seed % SEED_SPAN)


@listed(id="ResizeImagesByShorterEdge", display_name="Resize Images by Shorter Edge")
def fit_shorter(images: Image, shorter_edge: Side = 512) -> Image:
    """Resize a picture so that its shorter side has a length.

    Args:
        images: (B, H, W, C), values in [0, 1].
        shorter_edge: the length in pixels; the other side keeps the aspect ratio.
    """
    return _with_edge(images, shorter_edge, min(images.shape[1:3]))


@listed(id="ResizeImagesByLongerEdge", display_name="Resize Images by Longer Edge")
def fit_longer(images: Image, longer_edge: Side = 1024) -> Image:
    """Resize a picture so that its longer side has a length.

    Args:
        images: (B, H, W, C), values in [0, 1].
        longer_edge: the length in pixels; the other side keeps the aspect ratio.
    """
    return _with_edge(images, longer_edge, max(images.shape[1:3]))


def _with_edge(images: Tensor, length: int, edge: int) -> Tensor:
    height, width = images.shape[1:3]
    new_width = length if width == edge else int(width * (length / edge))
    new_height = length if height == edge else int(height * (length / edge))
    return resize_image(images, new_width, new_height, "lanczos")


@listed(id="CenterCropImages", display_name="Center Crop Images")
def crop_centre(images: Image, width: Side = 512, height: Side = 512) -> Image:
    """Cut the middle out of a picture.

    Args:
        images: (B, H, W, C), values in [0, 1].
        width: width of the piece in pixels, at most that of the picture.
        height: height of the piece in pixels, at most that of the picture.
    """
    left, top = (max(0, spare // 2) for spare in _spare(images, width, height))
    return images[:, top : top + height, left : left + width]


@listed(id="RandomCropImages", display_name="Random Crop Images")
def crop_anywhere(images: Image, width: Side = 512, height: Side = 512, seed: PlainSeed = 0) -> Image:
    """Cut a piece out of a picture, somewhere.

    Args:
        images: (B, H, W, C), values in [0, 1].
        width: width of the piece in pixels, at most that of the picture.
        height: height of the piece in pixels, at most that of the picture.
        seed: fixes the place.
    """
    state = random_state(seed)
    left, top = (
        int(state.randint(0, spare + 1)) if spare > 0 else 0 for spare in _spare(images, width, height)
    )
    return images[:, top : top + height, left : left + width]


def _spare(images: Tensor, width: int, height: int) -> tuple[int, int]:
    return images.shape[2] - width, images.shape[1] - height


@listed(id="NormalizeImages", display_name="Normalize Images")
def normalise(
    images: Image,
    mean: Annotated[float, Range(0.0, 1.0)] = 0.5,
    std: Annotated[float, Range(0.001, 1.0)] = 0.5,
) -> Image:
    """Move the values of a picture to (value - mean) / std; they may leave [0, 1].

    Args:
        images: (B, H, W, C), values in [0, 1].
        mean: the value that becomes 0.
        std: the difference that becomes 1.
    """
    return (images - mean) / std


@listed(id="AdjustBrightness", display_name="Adjust Brightness")
def brighten(images: Image, factor: Factor = 1.0) -> Image:
    """Make a picture brighter or darker.

    Args:
        images: (B, H, W, C), values in [0, 1].
        factor: every value is multiplied by it.
    """
    return (images * factor).clamp(0, 1)


@listed(id="AdjustContrast", display_name="Adjust Contrast")
def contrast(images: Image, factor: Factor = 1.0) -> Image:
    """Move the values of a picture away from middle grey or towards it.

    Args:
        images: (B, H, W, C), values in [0, 1].
        factor: every difference to 0.5 is multiplied by it.
    """
    return ((images - 0.5) * factor + 0.5).clamp(0, 1)
