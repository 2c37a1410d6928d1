"""Holds the KL-regularised image autoencoder of latent diffusion, under its original parameter names.

References: Rombach et al. 2022 (arXiv:2112.10752), section 3.1 and appendix G; Esser et al. 2021
(arXiv:2012.09841).
Shapes: B batch, H and W pixels, h and w latent cells, C channels.
"""

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, silu

from models.attention import AttentionCore
from models.vae.autoencoder import Distribution, ImageAutoencoder


@dataclass(frozen=True)
class KLConfig:
    """Sizes of an autoencoder; each level after the first halves the resolution.

    Attributes:
        channels: width of the finest level; every width must be divisible by `groups`.
        multipliers: width of each level in units of `channels`, finest first.
        residual_blocks: residual blocks a level in the encoder; the decoder has one more.
        image_channels: channels of a picture.
        latent_channels: channels of a latent.
        groups: groups of every group norm.
        quant_convolutions: whether the 1x1 convolutions around the latent exist.
    """

    channels: int = 128
    multipliers: tuple[int, ...] = (1, 2, 4, 4)
    residual_blocks: int = 2
    image_channels: int = 3
    latent_channels: int = 4
    groups: int = 32
    quant_convolutions: bool = True

    @property
    def downscale(self) -> int:
        """Pixels along one side of a latent cell."""
        return 1 << (len(self.multipliers) - 1)


class AutoencoderKL(ImageAutoencoder):
    """Pictures to latents and back; parameters are named as under `first_stage_model.` of a checkpoint."""

    def __init__(self, config: KLConfig) -> None:
        super().__init__(config.image_channels, config.latent_channels, config.downscale)
        self.config = config
        latent = config.latent_channels
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        identity = not config.quant_convolutions
        self.quant_conv = nn.Identity() if identity else nn.Conv2d(2 * latent, 2 * latent, 1)
        self.post_quant_conv = nn.Identity() if identity else nn.Conv2d(latent, latent, 1)

    def encode_raw(self, pixels: Tensor) -> Distribution:
        """The latent distribution of (B, 3, H, W) in [-1, 1]; H and W must be multiples of the downscale."""
        mean, log_variance = self.quant_conv(self.encoder(pixels)).chunk(2, dim=1)
        return Distribution(mean, log_variance.clamp(-30.0, 20.0))

    def decode_raw(self, latent: Tensor) -> Tensor:
        """The picture of a latent (B, C, h, w): (B, 3, H, W), about [-1, 1], not clamped."""
        decoded: Tensor = self.decoder(self.post_quant_conv(latent))
        return decoded


class ResidualBlock(nn.Module):
    """Two normalised convolutions around a skip connection."""

    def __init__(self, inputs: int, outputs: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inputs, eps=1e-6)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, outputs, eps=1e-6)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.nin_shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv1(silu(self.norm1(x)))
        hidden = self.conv2(silu(self.norm2(hidden)))
        skip: Tensor = self.nin_shortcut(x)
        return skip + hidden


class AttentionBlock(nn.Module):
    """Single-head self-attention over all cells."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)
        self.core = AttentionCore(heads=1)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        query, key, value = (layer(normed).flatten(2).transpose(1, 2) for layer in (self.q, self.k, self.v))
        mixed = self.core(query, key, value).transpose(1, 2).reshape(x.shape)
        return x + self.proj_out(mixed)


class Middle(nn.Module):
    """The blocks at the coarsest resolution."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.block_1 = ResidualBlock(channels, channels, groups)
        self.attn_1 = AttentionBlock(channels, groups)
        self.block_2 = ResidualBlock(channels, channels, groups)

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.block_2(self.attn_1(self.block_1(x)))
        return hidden


class Downsample(nn.Module):
    """Halves the resolution; pads right and bottom only, as the original does."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.conv(pad(x, (0, 1, 0, 1)))
        return hidden


class Upsample(nn.Module):
    """Doubles the resolution by repeating cells."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.conv(interpolate(x, scale_factor=2.0, mode="nearest"))
        return hidden


class Level(nn.Module):
    """One resolution: residual blocks, then a change of resolution unless it is the last."""

    def __init__(self, widths: list[int], groups: int, **resample: nn.Module) -> None:
        super().__init__()
        self.block = nn.ModuleList(
            ResidualBlock(inputs, outputs, groups) for inputs, outputs in pairwise(widths)
        )
        for name, module in resample.items():
            self.add_module(name, module)
        self.resample = tuple(resample)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.block:
            x = block(x)
        for name in self.resample:
            x = self.get_submodule(name)(x)
        return x


class Encoder(nn.Module):
    """Pictures (B, 3, H, W) to the moments of latents (B, 2C, h, w)."""

    def __init__(self, config: KLConfig) -> None:
        super().__init__()
        widths = [config.channels * multiplier for multiplier in config.multipliers]
        self.conv_in = nn.Conv2d(config.image_channels, config.channels, 3, padding=1)
        self.down = nn.ModuleList()
        previous = config.channels
        for index, width in enumerate(widths):
            resample = {"downsample": Downsample(width)} if index < len(widths) - 1 else {}
            self.down.append(Level([previous] + [width] * config.residual_blocks, config.groups, **resample))
            previous = width
        self.mid = Middle(previous, config.groups)
        self.norm_out = nn.GroupNorm(config.groups, previous, eps=1e-6)
        self.conv_out = nn.Conv2d(previous, 2 * config.latent_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for level in self.down:
            x = level(x)
        moments: Tensor = self.conv_out(silu(self.norm_out(self.mid(x))))
        return moments


class Decoder(nn.Module):
    """Latents (B, C, h, w) to pictures (B, 3, H, W); `up` is indexed by level, so it runs from its end."""

    def __init__(self, config: KLConfig) -> None:
        super().__init__()
        widths = [config.channels * multiplier for multiplier in config.multipliers]
        previous = widths[-1]
        self.conv_in = nn.Conv2d(config.latent_channels, previous, 3, padding=1)
        self.mid = Middle(previous, config.groups)
        levels = []
        for index, width in reversed(list(enumerate(widths))):
            resample = {"upsample": Upsample(width)} if index > 0 else {}
            levels.append(
                Level([previous] + [width] * (config.residual_blocks + 1), config.groups, **resample)
            )
            previous = width
        self.up = nn.ModuleList(reversed(levels))
        self.norm_out = nn.GroupNorm(config.groups, previous, eps=1e-6)
        self.conv_out = nn.Conv2d(previous, config.image_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mid(self.conv_in(x))
        for level in reversed(self.up):
            x = level(x)
        pixels: Tensor = self.conv_out(silu(self.norm_out(x)))
        return pixels
