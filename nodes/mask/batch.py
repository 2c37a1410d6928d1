"""Joins batches of masks."""

from typing import Annotated

import torch

from nodes.api.declare import node
from nodes.api.sockets import Mask
from nodes.api.widgets import Grow
from nodes.image.resize import planes, resize


@node(id="BatchMasksNode", display_name="Batch Masks", category="mask")
def join(*masks: Annotated[Mask, Grow(prefix="mask", minimum=2, maximum=50)]) -> Mask:
    """Join batches of masks; all are fitted to the size of the first.

    Args:
        masks: (B, H, W), values in [0, 1]; scaled and cut at the centre where sizes differ.
    """
    cells = [planes(mask).unsqueeze(1) for mask in masks]
    height, width = cells[0].shape[-2:]
    fitted = [
        mask if mask.shape[-2:] == (height, width) else resize(mask, width, height, "bilinear", "center")
        for mask in cells
    ]
    return torch.cat(fitted).squeeze(1)
