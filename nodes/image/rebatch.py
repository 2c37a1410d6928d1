"""Regroups the pictures of several batches."""

from typing import Annotated

import torch

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image
from nodes.api.widgets import Range


@node(id="RebatchImages", display_name="Rebatch Images", category="image/batch")
def rebatch(images: list[Image], batch_size: Annotated[int, Range(1, 4096)] = 1) -> list[Image]:
    """Regroup the pictures of several batches into batches of another size.

    Args:
        images: batches (B, H, W, C).
        batch_size: pictures in each new batch; the last one may have fewer.
    """
    frames = [frame for batch in images for frame in torch.split(batch, 1)]
    groups = [frames[start : start + batch_size] for start in range(0, len(frames), batch_size)]
    for group in groups:
        shapes = {tuple(frame.shape[1:]) for frame in group}
        if len(shapes) > 1:
            raise NodeError(f"pictures of different sizes cannot be in one batch: {sorted(shapes)}")
    return [torch.cat(group) for group in groups]
