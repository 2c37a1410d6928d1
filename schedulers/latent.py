"""What a LATENT on a wire is: unscaled VAE-space latents with their mask and their place in a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True, eq=False)
class LatentBatch:
    """Latents as they lie between nodes; change one with `dataclasses.replace`.

    samples: (B, C, H, W) float32 on the CPU, as the VAE gives them (not scaled for the diffusion network).
    noise_mask: (H, W), (B, H, W) or (B, 1, H, W) of any size, 1 = denoise; None = everywhere.
    batch_index: for each of the B latents, its index in the batch whose noise it takes.
    extra: fields that other nodes hang on a latent.
    """

    samples: Tensor
    noise_mask: Tensor | None = None
    batch_index: tuple[int, ...] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def with_channels(samples: Tensor, channels: int) -> Tensor:
    """An all-zero latent repeated or cut to the channels a network wants; any other latent as it is.

    samples: (B, C, H, W). Do this before drawing noise, whose shape follows.
    """
    if samples.shape[1] == channels or bool(samples.any()):
        return samples
    shape = (samples.shape[0], channels, *samples.shape[2:])
    return samples.new_zeros(shape)
