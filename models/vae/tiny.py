"""Holds the tiny distilled autoencoder (TAESD), for previews and quick work, under its original names.

Source of the layout: madebyollin/taesd, taesd.py. Its latents are those of the diffusion network, so they
are scaled to and from the big autoencoder's here.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.vae.autoencoder import Distribution, ImageAutoencoder

_WIDTH = 64
_LEVELS = 3
_CLAMP = 3.0


@dataclass(frozen=True)
class TinyConfig:
    """Sizes of a tiny autoencoder, and how its latents are scaled: tiny = (big - shift) * scale."""

    latent_channels: int = 4
    blocks: int = 3
    scale: float = 1.0
    shift: float = 0.0


class TinyAutoencoder(ImageAutoencoder):
    """Pictures to latents and back by plain convolutions, without a distribution."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__(3, config.latent_channels, 2**_LEVELS)
        self.config = config
        self.taesd_encoder = nn.Sequential(*_encoder(config))
        self.taesd_decoder = TinyDecoder(config)

    def encode_raw(self, pixels: Tensor) -> Distribution:
        """The latent of (B, 3, H, W) in [-1, 1], as the big autoencoder would scale it."""
        latent = self.taesd_encoder((pixels + 1.0) / 2.0)
        return Distribution.point(latent / self.config.scale + self.config.shift)

    def decode_raw(self, latent: Tensor) -> Tensor:
        """The picture of a latent (B, C, h, w) that is scaled like the big autoencoder's."""
        decoded: Tensor = self.taesd_decoder((latent - self.config.shift) * self.config.scale)
        return decoded * 2.0 - 1.0


class TinyDecoder(nn.Sequential):
    """Latents (B, C, h, w) of the diffusion network to pictures (B, 3, 8 h, 8 w) in about [0, 1]."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__(*_decoder(config))


class TinyBlock(nn.Module):
    """Three convolutions around a skip connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(3):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
        self.conv = nn.Sequential(*layers[:-1])
        self.fuse = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Transform (B, C, h, w)."""
        fused: Tensor = self.fuse(self.conv(x) + x)
        return fused


class SoftClamp(nn.Module):
    """Bends values smoothly into [-3, 3]."""

    def forward(self, x: Tensor) -> Tensor:
        """Bend (any shape)."""
        return torch.tanh(x / _CLAMP) * _CLAMP


def _encoder(config: TinyConfig) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv2d(3, _WIDTH, 3, padding=1), TinyBlock(_WIDTH)]
    for _ in range(_LEVELS):
        layers.append(nn.Conv2d(_WIDTH, _WIDTH, 3, stride=2, padding=1, bias=False))
        layers += [TinyBlock(_WIDTH) for _ in range(config.blocks)]
    return [*layers, nn.Conv2d(_WIDTH, config.latent_channels, 3, padding=1)]


def _decoder(config: TinyConfig) -> list[nn.Module]:
    first = nn.Conv2d(config.latent_channels, _WIDTH, 3, padding=1)
    layers: list[nn.Module] = [SoftClamp(), first, nn.ReLU()]
    for _ in range(_LEVELS):
        layers += [TinyBlock(_WIDTH) for _ in range(config.blocks)]
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, bias=False)]
    return [*layers, TinyBlock(_WIDTH), nn.Conv2d(_WIDTH, 3, 3, padding=1)]
