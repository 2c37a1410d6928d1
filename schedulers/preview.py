"""What a latent looks like, roughly and at once: a linear map from latent channels to colours."""

from __future__ import annotations

import torch
from torch import Tensor

from models.diffusion import LatentFormat


def latent_to_rgb(denoised: Tensor, latent: LatentFormat) -> Tensor:
    """The first picture of denoised (B, C, h, w), scaled for the network, as (h, w, 3) uint8 on the CPU.

    Raises ValueError when the format has no colour factors.
    """
    if latent.rgb_factors is None:
        raise ValueError(
            f"a latent format of {latent.channels} channels without rgb_factors cannot be previewed"
        )
    factors = torch.tensor(latent.rgb_factors, dtype=torch.float32, device=denoised.device)
    bias = torch.tensor(latent.rgb_bias, dtype=torch.float32, device=denoised.device)
    colours = denoised[0].float().permute(1, 2, 0) @ factors + bias
    return ((colours + 1) / 2).clamp(0, 1).mul(255).to(torch.uint8).cpu()
