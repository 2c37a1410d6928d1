"""Holds the asymmetric autoencoder for inpainting: a larger decoder that also sees what is not to change.

Reference: Zhu et al. 2023, "Designing a better asymmetric VQGAN for StableDiffusion" (arXiv:2306.04632),
section 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import interpolate, relu, silu

from models.vae.autoencoder import Distribution, ImageAutoencoder
from models.vae.kl import Decoder, Encoder, KLConfig


@dataclass(frozen=True)
class AsymmetricConfig:
    """Sizes: those of each half, and the widths of the picture's features, finest first."""

    encoder: KLConfig
    decoder: KLConfig
    picture_widths: tuple[int, ...]


class AsymmetricAutoencoder(ImageAutoencoder):
    """Pictures to latents and back; the way back may be told what the picture was outside a mask."""

    def __init__(self, config: AsymmetricConfig) -> None:
        sizes = config.encoder
        super().__init__(sizes.image_channels, sizes.latent_channels, sizes.downscale)
        self.config = config
        latent = sizes.latent_channels
        self.encoder = Encoder(config.encoder)
        self.decoder = PictureDecoder(config.decoder, config.picture_widths)
        self.quant_conv = nn.Conv2d(2 * latent, 2 * latent, 1)
        self.post_quant_conv = nn.Conv2d(latent, latent, 1)

    def encode_raw(self, pixels: Tensor) -> Distribution:
        """The latent distribution of (B, 3, H, W) in [-1, 1]; H and W must be multiples of the downscale."""
        mean, log_variance = self.quant_conv(self.encoder(pixels)).chunk(2, dim=1)
        return Distribution(mean, log_variance.clamp(-30.0, 20.0))

    def decode_raw(self, latent: Tensor) -> Tensor:
        """The picture of a latent (B, C, h, w): (B, 3, H, W), about [-1, 1], not clamped."""
        decoded: Tensor = self.decoder(self.post_quant_conv(latent))
        return decoded

    def decode_around(self, latent: Tensor, picture: Tensor, mask: Tensor) -> Tensor:
        """The picture (B, 3, H, W) of a latent (B, C, h, w) inside a mask, told what is outside of it.

        Args:
            latent: (B, C, h, w).
            picture: (B, 3, H, W) in [-1, 1].
            mask: (B, 1, H, W), 1 = take the latent, 0 = take the picture.
        """
        return self.decoder.around(self.post_quant_conv(latent), picture, mask)


class PictureFeatures(nn.Module):
    """Features of a picture at every size that the decoder goes through."""

    def __init__(self, image_channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(
                nn.Conv2d(inputs, outputs, 3, padding=1) if index < 2 else nn.Conv2d(inputs, outputs, 4, 2, 1)
                for index, (inputs, outputs) in enumerate(pairwise((image_channels, *widths)))
            )
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """The features (B, C, h, w) of (B, 3, H, W), coarsest first."""
        features = []
        for layer in self.layers:
            features.append(layer(x))
            x = relu(features[-1])
        return features[::-1]


class PictureDecoder(Decoder):
    """A decoder that can be told what the picture was."""

    def __init__(self, config: KLConfig, widths: Sequence[int]) -> None:
        super().__init__(config)
        self.condition_encoder = PictureFeatures(config.image_channels, widths)

    def around(self, latent: Tensor, picture: Tensor, mask: Tensor) -> Tensor:
        """The picture (B, 3, H, W) of a latent (B, C, h, w), and of (B, 3, H, W) where (B, 1, H, W) is 0."""
        *features, finest = self.condition_encoder((1 - mask) * picture)
        x = self.mid(self.conv_in(latent))
        for level, feature in zip(reversed(self.up), features, strict=True):
            x = level(_mixed(x, feature, mask))
        pixels: Tensor = self.conv_out(silu(self.norm_out(_mixed(x, finest, mask))))
        return pixels


def _mixed(x: Tensor, feature: Tensor, mask: Tensor) -> Tensor:
    """The first (B, C, h, w) where the mask is 1, the second where it is 0."""
    cells = interpolate(mask, size=x.shape[-2:], mode="nearest")
    return x * cells + feature * (1 - cells)
