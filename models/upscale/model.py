"""What an UPSCALE_MODEL on the wires carries."""

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True, eq=False)
class UpscaleModel:
    """A network that enlarges pictures; UPSCALE_MODEL on the wires is a patched one.

    Attributes:
        network: network(pictures (B, C, H, W) in [0, 1]) -> (B, C, H * scale, W * scale).
        scale: how much longer the sides become.
        channels: of a picture.
        name: the file.
    """

    network: nn.Module
    scale: int
    channels: int
    name: str = ""
