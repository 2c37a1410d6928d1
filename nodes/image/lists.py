"""Orders, joins, thins and shows whole lists of pictures."""

from functools import partial
from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image
from nodes.api.widgets import Range, Text
from nodes.image.blend import match_channels
from nodes.image.listed import PlainSeed, random_state
from nodes.image.resize import resize_image
from nodes.saving.image import to_picture

HASH_SIDE = 8

Line = Annotated[str, Text(multiline=False, dynamic_prompts=False)]

whole = partial(node, category="dataset/image", experimental=True)
"""Declares a node that takes a list of pictures as a whole."""


class Pairs(NamedTuple):
    """Pictures and their texts."""

    images: list[Image]
    texts: list[str]


def pictures(images: list[Tensor]) -> list[Tensor]:
    """Return the pictures of batches (B, H, W, C) one by one, (1, H, W, C) each."""
    return [frame for batch in images for frame in torch.split(batch, 1)]


@whole(id="MergeImageLists", display_name="Merge Image Lists", outputs=("images",))
def merge(images: list[Image]) -> list[Image]:
    """Give several lists of pictures as one.

    Args:
        images: (B, H, W, C), the pictures of everything that is linked.
    """
    return images


@whole(id="ShuffleDataset", display_name="Shuffle Image Dataset", outputs=("images",))
def shuffle(images: list[Image], seed: PlainSeed = 0) -> list[Image]:
    """Put a list of pictures into another order.

    Args:
        images: (B, H, W, C).
        seed: fixes the order.
    """
    return [images[index] for index in random_state(seed).permutation(len(images))]


@whole(id="ShuffleImageTextDataset", display_name="Shuffle Image-Text Dataset")
def shuffle_pairs(images: list[Image], texts: list[Line], seed: PlainSeed = 0) -> Pairs:
    """Put a list of pictures and their texts into another order, the same for both.

    Args:
        images: (B, H, W, C).
        texts: one for each picture.
        seed: fixes the order.
    """
    if len(images) != len(texts):
        raise NodeError(f"there are {len(images)} pictures but {len(texts)} texts")
    order = random_state(seed).permutation(len(images))
    return Pairs([images[index] for index in order], [texts[index] for index in order])


def average_hash(frame: Tensor) -> Tensor:
    """Return which cells of a picture (1, H, W, C), made 8 x 8 and grey, are above their mean, (64,)."""
    from PIL import Image as Pictures

    small = to_picture(frame[0]).convert("L").resize((HASH_SIDE, HASH_SIDE), Pictures.Resampling.LANCZOS)
    levels = torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8).float()
    return levels > levels.mean()


@whole(id="ImageDeduplication", display_name="Image Deduplication", outputs=("images",))
def drop_duplicates(
    images: list[Image], similarity_threshold: Annotated[float, Range(0.0, 1.0)] = 0.95
) -> list[Image]:
    """Leave out pictures that look like an earlier one of the list.

    Args:
        images: (B, H, W, C), values in [0, 1].
        similarity_threshold: part of 64 coarse cells that must agree, 1 = all of them.
    """
    kept: list[Tensor] = []
    hashes: list[Tensor] = []
    for frame in pictures(images):
        mark = average_hash(frame)
        if all((mark == other).float().mean() < similarity_threshold for other in hashes):
            kept.append(frame)
            hashes.append(mark)
    return kept


@whole(id="ImageGrid", display_name="Image Grid", outputs=("images",))
def grid(
    images: list[Image],
    columns: Annotated[int, Range(1, 20)] = 4,
    cell_width: Annotated[int, Range(32, 2048)] = 256,
    cell_height: Annotated[int, Range(32, 2048)] = 256,
    padding: Annotated[int, Range(0, 50)] = 4,
) -> Image:
    """Show a list of pictures as one, row by row on black.

    Args:
        images: (B, H, W, C), values in [0, 1]; stretched to the cells.
        columns: pictures in a row.
        cell_width: width of each in pixels.
        cell_height: height of each in pixels.
        padding: pixels between them.
    """
    frames = pictures(images)
    if not frames:
        raise NodeError("there are no pictures")
    rows = -(-len(frames) // columns)
    sheet = torch.zeros(
        1, rows * (cell_height + padding) - padding, columns * (cell_width + padding) - padding, 3
    )
    for index, frame in enumerate(frames):
        top = index // columns * (cell_height + padding)
        left = index % columns * (cell_width + padding)
        cell = resize_image(match_channels(frame, 3), cell_width, cell_height, "lanczos")
        sheet[:, top : top + cell_height, left : left + cell_width] = cell
    return sheet
