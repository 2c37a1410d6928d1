"""Sends pictures over the connection of whoever submitted the job, without keeping them."""

import math
from typing import Any

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Image
from nodes.saving.image import to_picture


def always(**_: Any) -> float:
    """Have the node run each time: what was sent before is nowhere to be found."""
    return math.nan


@node(
    id="SaveImageWebsocket",
    display_name="Save Image (Websocket)",
    category="api/image",
    output_node=True,
    fingerprint=always,
)
def send(ctx: Context, images: Image) -> None:
    """Send pictures to whoever submitted the job, as PNG files in binary messages; no file is written.

    Args:
        images: (B, H, W, C), values in [0, 1].
    """
    for index, frame in enumerate(images):
        ctx.send(to_picture(frame))
        ctx.progress(index + 1, images.shape[0])
