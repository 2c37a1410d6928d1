"""Changes the size of latents."""

from dataclasses import replace
from typing import Annotated

from nodes.api.declare import node
from nodes.api.sockets import Latent
from nodes.api.widgets import Choice, Range
from nodes.image.resize import CROPS, LATENT_METHODS, missing_side, resize
from schedulers.latent import LatentBatch

LEAST_PIXELS = 64


@node(id="LatentUpscale", display_name="Upscale Latent", category="latent")
def scale(
    *,
    samples: Latent,
    upscale_method: Annotated[str, Choice(LATENT_METHODS)],
    width: Annotated[int, Range(0, 16384, step=8)] = 512,
    height: Annotated[int, Range(0, 16384, step=8)] = 512,
    crop: Annotated[str, Choice(CROPS)],
) -> Latent:
    """Resize a latent to the width and height its pictures shall have.

    Args:
        samples: (B, C, H, W); a noise mask it carries stays as it is.
        upscale_method: how new cells are made; bislerp turns the channel vectors on the sphere.
        width: width in pixels, 8 a cell, at least 64; 0 follows the height.
        height: height in pixels, 8 a cell, at least 64; 0 follows the width. With both at 0 nothing changes.
        crop: center cuts the longer sides so that nothing is distorted; disabled stretches.
    """
    latent: LatentBatch = samples
    if width == 0 and height == 0:
        return latent
    width, height = (max(LEAST_PIXELS, side) if side else 0 for side in (width, height))
    old_height, old_width = latent.samples.shape[-2:]
    width, height = missing_side(width, height, old_width, old_height, LEAST_PIXELS)
    return replace(latent, samples=resize(latent.samples, width // 8, height // 8, upscale_method, crop))


@node(id="LatentUpscaleBy", display_name="Upscale Latent By", category="latent")
def scale_by(
    *,
    samples: Latent,
    upscale_method: Annotated[str, Choice(LATENT_METHODS)],
    scale_by: Annotated[float, Range(0.01, 8.0, step=0.01)] = 1.5,
) -> Latent:
    """Resize a latent by a factor.

    Args:
        samples: (B, C, H, W); a noise mask it carries stays as it is.
        upscale_method: how new cells are made; bislerp turns the channel vectors on the sphere.
        scale_by: factor for both sides; the results are rounded, a half to the even number.
    """
    latent: LatentBatch = samples
    width, height = (round(side * scale_by) for side in (latent.samples.shape[-1], latent.samples.shape[-2]))
    return replace(latent, samples=resize(latent.samples, width, height, upscale_method))
