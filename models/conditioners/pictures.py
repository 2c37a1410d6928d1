"""Answers what networks take that see a picture beside the latent: inpainting, editing, depth, upscaling.

References: Rombach et al. 2022 (arXiv:2112.10752), sections 4.4 and 4.5; Brooks et al. 2023
(arXiv:2211.09800), section 3.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.conditioner import Surroundings
from models.conditioners.fitting import fitted, picked, sized
from models.diffusion import LatentFormat
from models.vision.noise_augmentation import SEED_OFFSET

_CONCATENATED = frozenset({"concat"})
# A grey picture as the network's latents show it, for inpainting where nothing is given.
_GREY = (0.8223, -0.6876, 0.6364, 0.1380)


@dataclass(frozen=True)
class InpaintConditioner:
    """For networks of nine channels: the mask and the picture with the masked part taken out."""

    latent: LatentFormat
    spatial: frozenset[str] = _CONCATENATED

    def inputs(
        self, pooled: Tensor | None, fields: Mapping[str, Any], where: Surroundings
    ) -> Mapping[str, Tensor]:
        """The channels (B, 5, h, w): mask, 1 = draw, and picture.

        Without a mask of their own they use that of the latent, without a picture the latent; with neither
        mask everything is drawn, over grey.
        """
        del pooled
        mask: Tensor | None = fields.get("concat_mask", where.mask)
        if mask is None:
            everywhere = torch.ones_like(where.noise[:, :1])
            grey = torch.tensor(_GREY, device=where.device).view(1, -1, 1, 1).expand_as(where.noise)
            return {"concat": torch.cat([everywhere, grey], dim=1)}
        if mask.ndim == where.noise.ndim:
            mask = mask[:, :1]
        planes = sized(mask.reshape(-1, 1, *mask.shape[-2:]), where.noise).round()
        picture = fields.get("concat_latent_image")
        picture = where.latent if picture is None else self.latent.to_network(picture)
        parts = [picked(planes, where.noise.shape[0]), fitted(picture, where.noise)]
        return {"concat": torch.cat(parts, dim=1)}


@dataclass(frozen=True)
class EditConditioner:
    """For instruct-pix2pix: the latent of the picture that is edited, as the autoencoder gives it."""

    scale: float = 1.0
    spatial: frozenset[str] = _CONCATENATED

    def inputs(
        self, pooled: Tensor | None, fields: Mapping[str, Any], where: Surroundings
    ) -> Mapping[str, Tensor]:
        """The channels (B, 4, h, w), zeros without a picture."""
        del pooled
        picture = fields.get("concat_latent_image")
        if picture is None:
            return {"concat": torch.zeros_like(where.noise)}
        return {"concat": fitted(picture, where.noise) * self.scale}


@dataclass(frozen=True)
class DepthConditioner:
    """For Stable Diffusion 2 depth: how near each cell is, spread over [-1, 1] in each picture."""

    spatial: frozenset[str] = _CONCATENATED

    def inputs(
        self, pooled: Tensor | None, fields: Mapping[str, Any], where: Surroundings
    ) -> Mapping[str, Tensor]:
        """The channel (B, 1, h, w) of the mean of `concat_image` (N, 3 or 1, H, W), zeros without one."""
        del pooled
        depth = fields.get("concat_image")
        if depth is None:
            return {"concat": torch.zeros_like(where.noise[:, :1])}
        cells = fitted(depth.mean(dim=1, keepdim=True), where.noise)
        low, high = cells.amin(dim=(1, 2, 3), keepdim=True), cells.amax(dim=(1, 2, 3), keepdim=True)
        # A flat picture has no near and far: it stays in the middle.
        return {"concat": 2.0 * (cells - low) / (high - low).clamp(min=1e-6) - (high > low).float()}


@dataclass(frozen=True)
class UpscaleConditioner:
    """For the x4 upscaler: the small picture, noised, and the number of its noise level."""

    most_noise: int = 350
    spatial: frozenset[str] = _CONCATENATED

    def inputs(
        self, pooled: Tensor | None, fields: Mapping[str, Any], where: Surroundings
    ) -> Mapping[str, Tensor]:
        """The channels (B, 3, h, w) of `concat_image` (N, 3, H, W) in [-1, 1], and its level (1,)."""
        del pooled
        augmentation = fields.get("noise_augmentation", 0.0)
        level = round(self.most_noise * augmentation)
        picture = fields.get("concat_image")
        if picture is None:
            picture = torch.zeros_like(where.noise[:, :3])
        picture = sized(picture, where.noise)
        if augmentation > 0:
            picture = _noised(picture, level, where.seed + SEED_OFFSET)
        return {
            "concat": picked(picture, where.noise.shape[0]),
            "vector": torch.tensor([level], device=where.device),
        }


def _noised(picture: Tensor, level: int, seed: int) -> Tensor:
    """A picture (B, C, h, w) at one of 1,000 noise levels (Ho et al. 2020, equation 4), drawn on the CPU."""
    betas = torch.linspace(1e-4**0.5, 2e-2**0.5, 1000, dtype=torch.float64).square()
    signal = float((1.0 - betas).cumprod(0)[level])
    noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(seed))
    return signal**0.5 * picture + (1.0 - signal) ** 0.5 * noise.to(picture)
