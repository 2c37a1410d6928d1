"""Says what a loaded network is: frozen values that carry a network and what sampling must know of it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from torch import nn

if TYPE_CHECKING:
    from models.text.tokenizer import ClipTokenizer


@dataclass(frozen=True)
class NoiseTable:
    """The discrete noise levels a network was trained on (Ho et al. 2020; Rombach et al. 2022, appendix)."""

    start: float = 0.00085
    end: float = 0.012
    steps: int = 1000
    zero_terminal_snr: bool = False


@dataclass(frozen=True)
class LatentFormat:
    """How a family's latents relate to its autoencoder's: network latent = (vae latent - shift) * scale.

    Attributes:
        channels: latent channels.
        scale: multiplier.
        shift: offset, in VAE units.
        downscale: pixels along one side of a latent cell.
        rgb_factors: channels rows of 3, a linear map from network latents to RGB in [-1, 1], for previews.
        rgb_bias: 3 values added to it.
    """

    channels: int = 4
    scale: float = 0.18215
    shift: float = 0.0
    downscale: int = 8
    rgb_factors: tuple[tuple[float, float, float], ...] | None = None
    rgb_bias: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class DiffusionModel:
    """A denoising network.

    `network(x, t, context)` takes x (B, C, h, w), t (B,) float, context (B, T, D) and gives (B, C, h, w).
    """

    network: nn.Module
    family: str
    prediction: Literal["eps", "v"] = "eps"
    noise: NoiseTable = field(default_factory=NoiseTable)
    latent: LatentFormat = field(default_factory=LatentFormat)
    name: str = ""


@dataclass(frozen=True, eq=False)
class VaeModel:
    """An image autoencoder; `latent` says how its latents are scaled for the diffusion network."""

    network: nn.Module
    latent: LatentFormat = field(default_factory=LatentFormat)
    name: str = ""


@dataclass(frozen=True, eq=False)
class TextModel:
    """A text encoder with its tokenizer.

    Attributes:
        network: the encoder.
        tokenizer: text to token ids.
        family: which rules of chunking, padding and normalising apply ("sd15").
        last_layer: None for the family's own choice, else a negative index (clip skip; -1 is the last block).
        name: the file it came from.
    """

    network: nn.Module
    tokenizer: "ClipTokenizer"
    family: str = "sd15"
    last_layer: int | None = None
    name: str = ""
