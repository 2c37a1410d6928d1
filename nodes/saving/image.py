"""Writes pictures to the output folder, with the workflow that made them."""

import json
import random
import string
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from nodes.api.context import Context, SavedFile
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image, Mask
from nodes.image.resize import planes
from nodes.saving.files import write_whole

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.PngImagePlugin import PngInfo

SAVED_COMPRESSION = 4
PREVIEW_COMPRESSION = 1
FRAME_TOKEN = "%batch_num%"


def metadata(ctx: Context) -> "PngInfo":
    """Return the PNG texts that let a picture bring its graph back: "prompt" and what the page sent along."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    if ctx.prompt is not None:
        info.add_text("prompt", json.dumps(ctx.prompt))
    for key, value in (ctx.extra_pnginfo or {}).items():
        info.add_text(key, json.dumps(value))
    return info


def to_picture(frame: Tensor) -> "Picture":
    """Return a frame (H, W, C) in [0, 1] as a picture with 8 bits a channel, values truncated.

    Raises:
        NodeError: C is not 1, 3 or 4.
    """
    from PIL import Image as Pictures

    if frame.ndim != 3 or frame.shape[-1] not in (1, 3, 4):
        raise NodeError(
            f"a picture to save must be (H, W, C) with 1, 3 or 4 channels, not {tuple(frame.shape)}"
        )
    levels = frame.mul(255).clamp(0, 255).to(torch.uint8).cpu().contiguous()
    return Pictures.fromarray((levels.squeeze(-1) if frame.shape[-1] == 1 else levels).numpy())


def write_picture(saved: SavedFile, picture: "Picture", **options: Any) -> None:
    """Write a picture to a reserved file in one go: it is whole, or it is not there."""
    write_whole(saved, lambda file: picture.save(file, **options))


def save_frames(
    ctx: Context,
    images: Tensor,
    prefix: str,
    *,
    temporary: bool = False,
    with_metadata: bool = True,
) -> list[dict[str, str]]:
    """Write images (B, H, W, C) as PNG files and return their records."""
    if not torch.isfinite(images).all():
        ctx.log.warning("the picture holds values that are no numbers; they are saved as black")
        images = images.nan_to_num(nan=0.0, posinf=1.0, neginf=0.0)
    info = metadata(ctx) if with_metadata else None
    compression = PREVIEW_COMPRESSION if temporary else SAVED_COMPRESSION
    records = []
    for index, frame in enumerate(images):
        ctx.check_cancelled()
        picture = to_picture(frame)
        saved = ctx.files.reserve(
            prefix.replace(FRAME_TOKEN, str(index)),
            "png",
            width=picture.width,
            height=picture.height,
            temporary=temporary,
        )
        write_picture(saved, picture, format="PNG", pnginfo=info, compress_level=compression)
        records.append(saved.record())
    return records


def preview_prefix() -> str:
    """Return a new file prefix, so that a page never shows an old preview from its cache."""
    return "preview_" + "".join(random.choices(string.ascii_lowercase, k=5))


@node(
    id="SaveImage",
    display_name="Save Image",
    category="image",
    output_node=True,
    outputs=("images",),
    unlisted=("images",),
    hidden=("prompt", "extra_pnginfo"),
)
def save(ctx: Context, images: Image, filename_prefix: str = "ComfyUI") -> Image:
    """Save pictures as PNG files in the output folder; dropped on the page, they bring their workflow back.

    Args:
        images: (B, H, W, C), values in [0, 1].
        filename_prefix: how the names begin; may hold folders and %width% %height% %year% %month% %day%
            %hour% %minute% %second% %batch_num%.
    """
    ctx.show("images", save_frames(ctx, images, filename_prefix))
    return images


@node(
    id="PreviewImage",
    display_name="Preview Image",
    category="image",
    output_node=True,
    outputs=("images",),
    unlisted=("images",),
    hidden=("prompt", "extra_pnginfo"),
)
def preview(ctx: Context, images: Image) -> Image:
    """Show pictures on the node without keeping them.

    Args:
        images: (B, H, W, C), values in [0, 1].
    """
    ctx.show("images", save_frames(ctx, images, preview_prefix(), temporary=True))
    return images


@node(
    id="MaskPreview",
    display_name="Preview Mask",
    category="mask",
    output_node=True,
    outputs=("mask",),
    unlisted=("mask",),
    hidden=("prompt", "extra_pnginfo"),
)
def preview_mask(ctx: Context, mask: Mask) -> Mask:
    """Show a mask on the node without keeping it.

    Args:
        mask: (B, H, W), values in [0, 1].
    """
    grey = planes(mask).unsqueeze(-1).expand(-1, -1, -1, 3)
    records = save_frames(ctx, grey, preview_prefix(), temporary=True, with_metadata=False)
    ctx.show("images", records)
    ctx.show("animated", [False])
    return mask
