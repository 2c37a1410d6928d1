"""Gives the word, the size or the seed that a person chose."""

import math
from typing import Annotated, Any, NamedTuple

from nodes.api.declare import node
from nodes.api.sockets import Socket
from nodes.api.widgets import Choice, Hint, Range

RATIOS = {
    "1:1 (Square)": (1, 1),
    "2:3 (Portrait Photo)": (2, 3),
    "3:2 (Photo)": (3, 2),
    "3:4 (Portrait Standard)": (3, 4),
    "4:3 (Standard)": (4, 3),
    "9:16 (Portrait Widescreen)": (9, 16),
    "16:9 (Widescreen)": (16, 9),
    "21:9 (Ultrawide)": (21, 9),
}
LARGEST_SEED = 2**63 - 1
MOST_WORDS = 10_000

FreeWord = Annotated[Any, Socket("COMBO"), Hint(extra={"multiselect": False, "options": []})]
WordsPlace = Annotated[int, Range(0, MOST_WORDS), Hint(optional=True, unlisted=True)]
ResolutionPreview = Annotated[Any, Socket("RESOLUTION_PREVIEW")]


class Resolution(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


@node(
    id="CustomCombo",
    display_name="Custom Combo",
    category="utils",
    experimental=True,
    outputs=("STRING", "INDEX"),
    unlisted=("INDEX",),
)
def choose(choice: FreeWord, index: WordsPlace = 0) -> tuple[str, int]:
    """Give one of several words that are written on the node itself, and its place among them.

    Args:
        choice: the word; which ones there are only the page knows.
        index: its place, counted from 0, as the page says.
    """
    return str(choice), index


@node(id="ResolutionSelector", display_name="Resolution Selector", category="utils")
def resolution(
    aspect_ratio: Annotated[str, Choice(RATIOS)] = "1:1 (Square)",
    megapixels: Annotated[float, Range(0.1, 16.0, step=0.1)] = 1.0,
    preview: ResolutionPreview | None = None,
    multiple: Annotated[int, Range(8, 128, step=4), Hint(optional=True)] = 8,
) -> Resolution:
    """Give width and height of a format with about so many pixels.

    Args:
        aspect_ratio: the format.
        megapixels: width times height, in units of 1024 x 1024.
        preview: what the page shows of it; it changes nothing.
        multiple: both sides are rounded to the nearest multiple of this.
    """
    wide, high = RATIOS[aspect_ratio]
    unit = math.sqrt(megapixels * 1024 * 1024 / (wide * high))
    return Resolution(*(round(side * unit / multiple) * multiple for side in (wide, high)))


@node(id="SeedNode", display_name="Seed", category="utils", outputs=("seed",))
def seed(seed: Annotated[int, Range(0, LARGEST_SEED, extra={"control_after_generate": True})]) -> int:
    """Give a seed, so that several nodes can share it.

    Args:
        seed: the number.
    """
    return seed
