"""Turns, mirrors and cuts latents."""

from dataclasses import replace
from typing import Annotated

from nodes.api.declare import node
from nodes.api.sockets import Latent
from nodes.api.widgets import Choice, Range
from nodes.image.geometry import FLIPS, ROTATIONS
from schedulers.latent import LatentBatch


@node(id="LatentRotate", display_name="Rotate Latent", category="latent/transform")
def rotate(*, samples: Latent, rotation: Annotated[str, Choice(ROTATIONS)]) -> Latent:
    """Turn a latent clockwise by a multiple of 90 degrees.

    Args:
        samples: (B, C, H, W).
        rotation: the angle.
    """
    latent: LatentBatch = samples
    return replace(latent, samples=latent.samples.rot90(ROTATIONS.index(rotation), dims=(3, 2)))


@node(id="LatentFlip", display_name="Flip Latent", category="latent/transform")
def flip(*, samples: Latent, flip_method: Annotated[str, Choice(FLIPS)]) -> Latent:
    """Mirror a latent.

    Args:
        samples: (B, C, H, W).
        flip_method: vertically turns it upside down, horizontally swaps left and right.
    """
    latent: LatentBatch = samples
    return replace(latent, samples=latent.samples.flip(2 if flip_method == FLIPS[0] else 3))


@node(id="LatentCrop", display_name="Crop Latent", category="latent/transform")
def crop(
    samples: Latent,
    width: Annotated[int, Range(64, 16384, step=8)] = 512,
    height: Annotated[int, Range(64, 16384, step=8)] = 512,
    x: Annotated[int, Range(0, 16384, step=8)] = 0,
    y: Annotated[int, Range(0, 16384, step=8)] = 0,
) -> Latent:
    """Cut a rectangle out of a latent, in pixels of 8 to a cell.

    Args:
        samples: (B, C, H, W).
        width: width of the rectangle; the result is narrower where the latent ends.
        height: height of the rectangle; the result is lower where the latent ends.
        x: left edge, at most 64 pixels before the right border.
        y: top edge, at most 64 pixels before the lower border.
    """
    latent: LatentBatch = samples
    rows, columns = latent.samples.shape[-2:]
    left, top = max(0, min(x // 8, columns - 8)), max(0, min(y // 8, rows - 8))
    return replace(latent, samples=latent.samples[..., top : top + height // 8, left : left + width // 8])
