"""Writes text on pictures."""

from typing import TYPE_CHECKING, Annotated

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image
from nodes.api.widgets import Choice, Range, Text
from nodes.image.colours import Colour, read_colour
from nodes.loading.image import pixels

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

MARGIN_PART = 0.02
OUTLINE_PART = 0.08
SPACING = 4
"""Pixels between lines; Pillow's own default."""


def wrapped(text: str, font: "FreeTypeFont", width: float) -> str:
    """Return a text with line breaks so that no line is wider, but single words that are."""
    lines = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return "\n".join(lines)


@node(id="TextOverlay", display_name="Draw Text Overlay", category="image", outputs=("images",))
def write(
    images: Image,
    text: Annotated[str, Text(dynamic_prompts=False)],
    font_size: Annotated[float, Range(0.5, 50.0, step=0.5)] = 5.0,
    color: Colour = "#ffffff",
    position: Annotated[str, Choice(("top", "bottom"))] = "top",
    align: Annotated[str, Choice(("left", "center", "right"))] = "left",
    outline: bool = True,
) -> Image:
    """Write a text on pictures, wrapped to their width.

    Args:
        images: (B, H, W, C), values in [0, 1].
        text: what is written.
        font_size: height of the letters in percent of the picture's height.
        color: colour of the letters, #RRGGBB or #RRGGBBAA.
        position: at which end of the picture the text stands.
        align: at which side the lines begin.
        outline: draw the letters with a dark or bright edge, so that they can be read on any ground.
    """
    red, green, blue, alpha = read_colour(color)
    height, width = images.shape[1:3]
    size = max(1.0, height * font_size / 100)
    stroke = max(1, round(size * OUTLINE_PART)) if outline else 0
    letters, edges = _drawn(text, width, height, size, stroke, position, align)
    result = images.clone()
    colour = torch.tensor([red, green, blue], dtype=torch.float32) / 255
    if outline:
        dark = red + green + blue > 3 * 127
        _lay(result, edges * (alpha / 255), torch.zeros(3) if dark else torch.ones(3))
    _lay(result, letters * (alpha / 255), colour)
    return result


def _lay(images: Tensor, weight: Tensor, colour: Tensor) -> None:
    """Lay a colour (3,) over images (B, H, W, C), as opaque as weight (H, W) says."""
    channels = min(3, images.shape[-1])
    shown = images[..., :channels]
    shown.lerp_(colour[:channels].expand_as(shown), weight.unsqueeze(-1).expand_as(shown))
    if images.shape[-1] > channels:
        images[..., channels:] = 1 - (1 - images[..., channels:]) * (1 - weight.unsqueeze(-1))


def _drawn(
    text: str, width: int, height: int, size: float, stroke: int, position: str, align: str
) -> tuple[Tensor, Tensor]:
    """Return how much of each pixel the letters cover, and the letters with their edges, (H, W) each."""
    from PIL import Image as Pictures
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default(size)
    if isinstance(font, ImageFont.ImageFont):
        raise NodeError("this build of Pillow has no scalable font; install one with FreeType")
    margin = max(1, round(min(width, height) * MARGIN_PART))
    lines = wrapped(text, font, width - 2 * (margin + stroke))
    anchor, left = {"left": ("la", margin), "center": ("ma", width / 2), "right": ("ra", width - margin)}[
        align
    ]
    found = []
    for edge in (0, stroke):
        sheet = Pictures.new("L", (width, height))
        pen = ImageDraw.Draw(sheet)
        box = pen.multiline_textbbox((0, 0), lines, font, anchor, SPACING, align, stroke_width=stroke)
        top = margin - box[1] if position == "top" else height - margin - box[3]
        pen.multiline_text((left, top), lines, 255, font, anchor, SPACING, align, stroke_width=edge)
        found.append(pixels(sheet))
    return found[0], found[1]
