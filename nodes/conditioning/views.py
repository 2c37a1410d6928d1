"""Shows Zero123 a picture of a thing, and from where to see it."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import torch
from torch import Tensor

from models.vision.encode import encode_pictures
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import ClipVision, Conditioning, Image, Latent, Vae
from nodes.api.widgets import Range
from nodes.image.resize import resize_image
from nodes.latent.empty import empty
from nodes.latent.vae import encode_pixels
from schedulers.conditioning import Entry

# How high the camera of the picture is over the thing it looks at, which nobody knows: level with it.
_LEVEL = math.radians(90.0)

Side = Annotated[int, Range(16, 16384, step=8)]
Angle = Annotated[float, Range(-180.0, 180.0, step=0.1, extra={"round": False})]
Count = Annotated[int, Range(1, 4096)]


def point_of_view(elevation: float, azimuth: float) -> list[float]:
    """Return the four numbers that say where the camera goes, from angles in degrees.

    Reference: Liu et al. 2023 (arXiv:2303.11328), section 3.2, where the last is the change of distance; in
    Stable Zero123 it is the polar angle of the camera of the picture.
    """
    around = math.radians(azimuth)
    return [math.radians(-elevation), math.sin(around), math.cos(around), _LEVEL]


@node(
    id="StableZero123_Conditioning",
    category="conditioning/3d_models",
    outputs=("positive", "negative", "latent"),
)
def see(
    ctx: Context,
    clip_vision: ClipVision,
    init_image: Image,
    vae: Vae,
    width: Side = 256,
    height: Side = 256,
    batch_size: Count = 1,
    elevation: Angle = 0.0,
    azimuth: Angle = 0.0,
) -> tuple[Conditioning, Conditioning, Latent]:
    """Show a picture of a thing to Zero123, which draws it as it looks from elsewhere.

    Args:
        clip_vision: the CLIP vision model of the checkpoint.
        init_image: (1, H, W, 3), values in [0, 1]; the thing before a white ground, cut at the centre to the
            size.
        vae: the autoencoder of the checkpoint.
        width: width of the result in pixels.
        height: height of the result in pixels.
        batch_size: how many to draw.
        elevation: how much higher the camera is, in degrees.
        azimuth: how far the camera goes around the thing, in degrees.
    """
    points = [point_of_view(elevation, azimuth)]
    conditions = _conditions(ctx, clip_vision, init_image, vae, (width, height), points)
    return *conditions, empty(width, height, batch_size)


@node(
    id="StableZero123_Conditioning_Batched",
    category="conditioning/3d_models",
    outputs=("positive", "negative", "latent"),
)
def see_around(
    ctx: Context,
    clip_vision: ClipVision,
    init_image: Image,
    vae: Vae,
    width: Side = 256,
    height: Side = 256,
    batch_size: Count = 1,
    elevation: Angle = 0.0,
    azimuth: Angle = 0.0,
    elevation_batch_increment: Angle = 0.0,
    azimuth_batch_increment: Angle = 0.0,
) -> tuple[Conditioning, Conditioning, Latent]:
    """Show a picture of a thing to Zero123, which draws it from several sides, all with the same noise.

    Args:
        clip_vision: the CLIP vision model of the checkpoint.
        init_image: (1, H, W, 3), values in [0, 1]; the thing before a white ground, cut at the centre to the
            size.
        vae: the autoencoder of the checkpoint.
        width: width of the results in pixels.
        height: height of the results in pixels.
        batch_size: how many sides to draw.
        elevation: how much higher the camera is for the first, in degrees.
        azimuth: how far the camera goes around the thing for the first, in degrees.
        elevation_batch_increment: how much higher the camera is for each further one, in degrees.
        azimuth_batch_increment: how much farther the camera goes for each further one, in degrees.
    """
    steps = range(batch_size)
    up, around = elevation_batch_increment, azimuth_batch_increment
    points = [point_of_view(elevation + step * up, azimuth + step * around) for step in steps]
    conditions = _conditions(ctx, clip_vision, init_image, vae, (width, height), points)
    return *conditions, replace(empty(width, height, batch_size), batch_index=(0,) * batch_size)


def _conditions(
    ctx: Context,
    clip_vision: ClipVision,
    picture: Tensor,
    vae: Vae,
    size: tuple[int, int],
    points: Sequence[Sequence[float]],
) -> tuple[Conditioning, Conditioning]:
    """The conditions of a picture (1, H, W, 3) for each point of view."""
    if picture.shape[0] != 1:
        raise NodeError(
            f"Zero123 sees one picture at a time, but {picture.shape[0]} came: choose one of them"
        )
    with ctx.resident(clip_vision) as base:
        seen = encode_pictures(base, picture).image_embeds[None]
    pixels = resize_image(picture, *size, "bilinear", "center")
    latent = encode_pixels(ctx, vae, pixels)
    views = torch.tensor(points)[:, None]
    told = torch.cat([seen.expand(len(views), -1, -1), views], dim=-1)
    positive = Entry(told, extra={"concat_latent_image": latent})
    negative = Entry(torch.zeros_like(seen), extra={"concat_latent_image": torch.zeros_like(latent)})
    return (positive,), (negative,)
