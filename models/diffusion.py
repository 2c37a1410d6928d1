"""Says what a loaded network is: frozen values that carry a network and what sampling must know of it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from models.conditioner import Conditioner, PlainConditioner
from models.noise import NoiseLevels, NoiseTable

if TYPE_CHECKING:
    from models.text.encoders import TextEncoders
    from models.text.tokenizer import ClipTokenizer
    from models.vae.autoencoder import ImageAutoencoder


@dataclass(frozen=True)
class LatentFormat:
    """How a family's latents relate to its autoencoder's.

    Network latent = (VAE latent - shift) * scale, or (VAE latent - mean) * scale / deviation by channel.

    Attributes:
        channels: latent channels.
        scale: multiplier.
        shift: offset, in VAE units.
        mean: offset of each channel, in VAE units; empty where `shift` rules.
        deviation: divisor of each channel, in VAE units; empty where there is no mean.
        downscale: pixels along one side of a latent cell.
        rgb_factors: channels rows of 3, a linear map from network latents to RGB in [-1, 1], for previews.
        rgb_bias: 3 values added to it.
        preview: name of the tiny autoencoder that decodes network latents, or None.
    """

    channels: int = 4
    scale: float = 0.18215
    shift: float = 0.0
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    downscale: int = 8
    rgb_factors: tuple[tuple[float, float, float], ...] | None = None
    rgb_bias: tuple[float, float, float] = (0.0, 0.0, 0.0)
    preview: str | None = None

    def to_network(self, latent: Tensor) -> Tensor:
        """A latent (B, C, h, w) of the autoencoder as the network knows it."""
        if not self.mean:
            return (latent - self.shift) * self.scale
        return (latent - _by_channel(self.mean, latent)) * self.scale / _by_channel(self.deviation, latent)

    def to_vae(self, latent: Tensor) -> Tensor:
        """A latent (B, C, h, w) of the network as the autoencoder knows it."""
        if not self.mean:
            return latent / self.scale + self.shift
        return latent * _by_channel(self.deviation, latent) / self.scale + _by_channel(self.mean, latent)


@dataclass(frozen=True, eq=False)
class DiffusionModel:
    """A denoising network with what sampling must know of it.

    `network(x, t, context, **inputs)` takes x (B, C, h, w), t (B,) float, context (B, T, D) and gives
    (B, C, h, w). Nodes that change how it is sampled replace the other fields and share the network.

    Attributes:
        network: the network.
        family: id of the family it belongs to.
        prediction: what its output means, a name in schedulers.prediction.PREDICTIONS.
        noise: the noise levels it was trained on.
        sigma_data: standard deviation of its latents that preconditioning assumes.
        noise_scale: standard deviation of the noise that it was trained on.
        latent: how its latents are scaled.
        rules: what is done about guidance, in order (schedulers.guiders.rule.Rule).
        conditioner: makes its further inputs from conditions.
        name: the file it came from.
    """

    network: nn.Module
    family: str
    prediction: str = "eps"
    noise: NoiseLevels = field(default_factory=NoiseTable)
    sigma_data: float = 1.0
    noise_scale: float = 1.0
    latent: LatentFormat = field(default_factory=LatentFormat)
    rules: tuple[Any, ...] = ()
    conditioner: Conditioner = field(default_factory=PlainConditioner)
    name: str = ""


@dataclass(frozen=True, eq=False)
class VaeModel:
    """An image autoencoder; `latent` says how its latents are scaled for the diffusion network."""

    network: "ImageAutoencoder"
    latent: LatentFormat = field(default_factory=LatentFormat)
    name: str = ""


@dataclass(frozen=True, eq=False)
class TextModel:
    """Text encoders with their tokenizer.

    Attributes:
        network: the encoders by name (`TextEncoders`).
        tokenizer: text to token ids.
        family: which rules of chunking, padding and normalising apply, one of models/text/rules.py.
        last_layer: None for the family's own choice, else a negative index (clip skip; -1 is the last block).
        name: the file it came from.
        hooks: what changes it while it encodes prompts (schedulers.hooks.ClipHooks), or None.
    """

    network: "TextEncoders"
    tokenizer: "ClipTokenizer"
    family: str = "sd15"
    last_layer: int | None = None
    name: str = ""
    hooks: Any = None


def _by_channel(values: tuple[float, ...], latent: Tensor) -> Tensor:
    """Numbers (1, C, 1, 1) to go with a latent (B, C, h, w)."""
    return torch.tensor(values, dtype=latent.dtype, device=latent.device).view(1, -1, 1, 1)
