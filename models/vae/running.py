"""Runs an autoencoder: in float32 where its own number type overflows, in tiles when asked."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from models.vae.autoencoder import ImageAutoencoder, from_raw, to_raw
from models.vae.tiling import Tiles, tiled

# What memory that ran short is answered with, in cells of a latent and in pixels.
DECODING_TILES = Tiles(64, 64, 16)
ENCODING_TILES = Tiles(512, 512, 64)


@dataclass(frozen=True, eq=False)
class AutoencoderRun:
    """An autoencoder at work on one picture after the other.

    Attributes:
        network: what encodes and decodes.
        before: called before each run of the network; what it raises ends the work.
    """

    network: ImageAutoencoder
    before: Callable[[], None] = lambda: None

    def decode(self, latent: Tensor, tiles: Tiles | None = None) -> Tensor:
        """The picture (1, H, W, 3) in [0, 1] of a latent (1, C, h, w), float32; tiles count cells."""
        scale = Fraction(self.network.downscale)
        return from_raw(self._made("decode_raw", latent, tiles, scale))

    def encode(self, pixels: Tensor, tiles: Tiles | None = None) -> Tensor:
        """The most likely latent (1, C, h, w) of (1, H, W, 3) in [0, 1], float32; tiles count pixels."""
        scale = Fraction(1, self.network.downscale)
        return self._made("encode_raw", to_raw(pixels), tiles, scale)

    def _made(self, name: str, given: Tensor, tiles: Tiles | None, scale: Fraction) -> Tensor:
        weights = next(self.network.parameters(), torch.empty(0))

        def run(part: Tensor) -> Tensor:
            self.before()
            part = part.to(weights.device, weights.dtype)
            made = _tensor(getattr(self.network, name)(part))
            if weights.dtype.itemsize < torch.float32.itemsize and not bool(made.isfinite().all()):
                made = _tensor(_in_float32(self.network, name, part))
            return made.float()

        return run(given) if tiles is None else tiled(run, given, tiles, scale)


def _tensor(made: Any) -> Tensor:
    """What decoding gives, or the most likely of what encoding gives."""
    return made if isinstance(made, Tensor) else made.mode()


class _Method(nn.Module):
    """A method of a network as a module, so that it can be called with other weights."""

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        self.network = network
        self.name = name

    def forward(self, given: Tensor) -> Any:
        return getattr(self.network, self.name)(given)


def _in_float32(network: nn.Module, name: str, given: Tensor) -> Any:
    """What a method gives with float32 weights; the network keeps its own."""
    wide = {f"network.{key}": weight.float() for key, weight in network.named_parameters()}
    return functional_call(_Method(network, name), wide, (given.float(),))
