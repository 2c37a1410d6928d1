"""Puts many pictures on one sheet."""

from collections.abc import Sequence

import numpy as np

from training.shapes import Bytes


def contact_sheet(pictures: Sequence[Bytes], columns: int, gap: int = 4) -> Bytes:
    """One picture (H, W, 3) of equal pictures in rows, on white."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), 255, dtype=np.uint8)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet
