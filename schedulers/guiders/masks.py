"""Rules about inpainting masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from schedulers.guiders.rule import Sampling


@dataclass(frozen=True)
class DifferentialDiffusion:
    """Grey parts of a mask are drawn anew the longer the lighter they are (Levin & Fried 2024, algorithm 1).

    strength: 1 (or 0) cuts the mask at a falling threshold, between them it is mixed with the mask itself.
    """

    strength: float = 1.0
    stage: Literal["mask"] = "mask"

    def mask_at(self, mask: Tensor, sigma: float, sampling: Sampling) -> Tensor:
        """The part (B, C, H, W) of a mask that is drawn at a noise level."""
        first, last = sampling.sigmas[0], max(sampling.table.sigma_min, sampling.sigmas[-1])
        begin, end = sampling.table.timestep(first), sampling.table.timestep(last)
        threshold = (sampling.table.timestep(sigma) - end) / (begin - end) if begin != end else 0.0
        binary = (mask >= threshold).to(mask.dtype)
        if 0.0 < self.strength < 1.0:
            return self.strength * binary + (1.0 - self.strength) * mask
        return binary
