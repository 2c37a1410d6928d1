"""Holds the autoencoder that does nothing: latents that are pictures."""

from torch import Tensor

from models.vae.autoencoder import Distribution, ImageAutoencoder


class PixelSpace(ImageAutoencoder):
    """Pictures as latents of three channels in [-1, 1], a cell a pixel."""

    def __init__(self) -> None:
        super().__init__(3, 3, 1)

    def encode_raw(self, pixels: Tensor) -> Distribution:
        """The picture (B, 3, H, W) as it is."""
        return Distribution.point(pixels)

    def decode_raw(self, latent: Tensor) -> Tensor:
        """The latent (B, 3, H, W) as it is."""
        return latent
