"""What a picture looks like as a preview, as one channel, or under a new mask. Pillow comes when needed."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 2**28
DEFAULT_QUALITY = 90
SMALL_QUALITY = 82


class UnreadablePictureError(ValueError):
    """The file is no picture that can be shown."""


def open_picture(file: BinaryIO) -> Image:
    """The first frame of the picture in `file`, decoded; refuses what is broken or absurdly large."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture: Image.Image = Image.open(file)
            if picture.width * picture.height > MAX_PIXELS:
                raise UnreadablePictureError(f"The picture claims {picture.width}x{picture.height} pixels")
            picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, UnreadablePictureError):
            raise
        raise UnreadablePictureError("The file is not a picture that can be read") from None
    return picture


def preview_options(text: str, channel: str) -> tuple[str, int]:
    """The format (`webp` or `jpeg`) and quality that `preview=` asks for, as `webp;90`."""
    parts = text.split(";")
    kind = parts[0] if parts[0] in {"webp", "jpeg"} and "a" not in channel else "webp"
    last = parts[-1]
    is_quality = last.isascii() and last.isdigit() and len(last) <= 3
    return kind, min(100, int(last)) if is_quality else DEFAULT_QUALITY


def preview_bytes(file: BinaryIO, kind: str, quality: int, channel: str) -> bytes:
    """The picture re-encoded for a quick look."""
    picture = open_picture(file)
    shown = picture.convert("RGB") if kind == "jpeg" or channel == "rgb" else _coloured(picture)
    buffer = io.BytesIO()
    shown.save(buffer, format=kind, quality=quality)
    return buffer.getvalue()


def small_bytes(file: BinaryIO, side: int) -> bytes:
    """The picture as WebP, at most `side` pixels wide and high."""
    shown = _coloured(open_picture(file))
    shown.thumbnail((side, side))
    buffer = io.BytesIO()
    shown.save(buffer, format="webp", quality=SMALL_QUALITY)
    return buffer.getvalue()


def _coloured(picture: Image) -> Image:
    """The picture in RGB, or in RGBA where a part of it is clear."""
    if picture.mode in {"RGB", "RGBA"}:
        return picture
    has_alpha = "A" in picture.getbands() or "transparency" in picture.info
    return picture.convert("RGBA" if has_alpha else "RGB")


def channel_bytes(file: BinaryIO, channel: str) -> bytes:
    """A PNG of the colours alone (`rgb`), or of the alpha alone over black (`a`)."""
    from PIL import Image

    picture = open_picture(file)
    if channel == "rgb":
        shown = picture.convert("RGB")
    else:
        alpha = picture.convert("RGBA").getchannel("A")
        shown = Image.new("RGBA", picture.size)
        shown.putalpha(alpha)
    buffer = io.BytesIO()
    shown.save(buffer, format="PNG")
    return buffer.getvalue()


def masked_bytes(original: BinaryIO, mask: BinaryIO) -> bytes:
    """A PNG of `original` with the alpha of `mask`, its text chunks kept."""
    from PIL.PngImagePlugin import PngInfo

    picture, masking = open_picture(original), open_picture(mask)
    if picture.size != masking.size:
        masking = masking.convert("RGBA").resize(picture.size)
    texts = PngInfo()
    for key, value in getattr(picture, "text", {}).items():
        texts.add_text(key, value)
    result = picture.convert("RGBA")
    result.putalpha(masking.convert("RGBA").getchannel("A"))
    buffer = io.BytesIO()
    result.save(buffer, format="PNG", compress_level=4, pnginfo=texts)
    return buffer.getvalue()
