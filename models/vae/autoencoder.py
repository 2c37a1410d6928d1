"""Says what an image autoencoder does, whatever it is made of: pictures to latents and back.

Shapes: B batch, H and W pixels, h and w latent cells, C channels.
"""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Distribution:
    """A diagonal Gaussian over latents; mean and log_variance are (B, C, h, w)."""

    mean: Tensor
    log_variance: Tensor

    @classmethod
    def point(cls, latent: Tensor) -> "Distribution":
        """The distribution that gives one latent (B, C, h, w) always."""
        return cls(latent, torch.full_like(latent, -torch.inf))

    def mode(self) -> Tensor:
        """The most likely latent."""
        return self.mean

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """A draw, with noise made on the CPU so that every device gives the same latent."""
        noise = torch.randn(self.mean.shape, generator=generator, dtype=self.mean.dtype)
        return self.mean + torch.exp(0.5 * self.log_variance) * noise.to(self.mean.device)

    def kl(self) -> Tensor:
        """Divergence from the unit Gaussian, summed over each latent: (B,)."""
        terms = self.mean.square() + self.log_variance.exp() - 1.0 - self.log_variance
        return 0.5 * terms.sum(dim=(1, 2, 3))


class ImageAutoencoder(nn.Module):
    """Pictures (B, H, W, 3) in [0, 1] to latents (B, C, h, w) and back."""

    def __init__(self, image_channels: int, latent_channels: int, downscale: int) -> None:
        """Sizes: channels of a picture and of a latent, pixels along one side of a latent cell."""
        super().__init__()
        self.image_channels = image_channels
        self.latent_channels = latent_channels
        self.downscale = downscale

    @abstractmethod
    def encode_raw(self, pixels: Tensor) -> Distribution:
        """The latent distribution of (B, 3, H, W) in [-1, 1]; H and W must be multiples of the downscale."""

    @abstractmethod
    def decode_raw(self, latent: Tensor) -> Tensor:
        """The picture of a latent (B, C, h, w): (B, 3, H, W), about [-1, 1], not clamped."""

    def encode(self, pixels: Tensor) -> Distribution:
        """The latent distribution of (B, H, W, 3) in [0, 1]; H and W must be multiples of the downscale."""
        size = self.downscale
        if pixels.ndim != 4 or pixels.shape[1] % size or pixels.shape[2] % size:
            raise ValueError(
                f"pixels must be (B, H, W, {self.image_channels}) with H and W multiples of {size}, "
                f"not {tuple(pixels.shape)}"
            )
        return self.encode_raw(to_raw(pixels))

    def decode(self, latent: Tensor) -> Tensor:
        """The picture of a latent (B, C, h, w): (B, H, W, 3) clamped to [0, 1]."""
        return from_raw(self.decode_raw(latent))

    def forward(self, pixels: Tensor) -> Tensor:
        """The round trip of (B, 3, H, W) in [-1, 1] through the mode of its latent."""
        return self.decode_raw(self.encode_raw(pixels).mode())


def to_raw(pixels: Tensor) -> Tensor:
    """Pictures (B, H, W, 3) in [0, 1] as (B, 3, H, W) in [-1, 1]."""
    return pixels.movedim(-1, 1) * 2.0 - 1.0


def from_raw(raw: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) about [-1, 1] as (B, H, W, 3) clamped to [0, 1]."""
    return ((raw + 1.0) / 2.0).clamp(0.0, 1.0).movedim(1, -1)
