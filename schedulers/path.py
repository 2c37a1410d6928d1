"""How a network's training mixed picture and noise: what samplers must know of it beyond noise levels.

Two paths: noise added to the picture (x = picture + sigma noise; Karras et al. 2022), and rectified flow,
which goes over from picture to noise (x = (1 - sigma) picture + sigma noise; Lipman et al. 2023).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

PercentToSigma = Callable[[float], float]

_JUST_BELOW_NOISE = 1e-4


@dataclass(frozen=True)
class Path:
    """The way from noise to picture that a sampler walks.

    percent_to_sigma: the noise level after a part of sampling, 0 = before the first step, 1 = after the last.
    flow: the picture fades as noise comes (rectified flow).
    """

    percent_to_sigma: PercentToSigma
    flow: bool = False

    def lambda_of(self, sigma: float) -> float:
        """Half the log of the signal-to-noise ratio at a noise level above 0 (below 1 on a flow)."""
        return math.log((1.0 - sigma) / sigma) if self.flow else -math.log(sigma)

    def sigma_of(self, half_log_snr: float) -> float:
        """The noise level at which `lambda_of` is half_log_snr."""
        return 1.0 / (1.0 + math.exp(half_log_snr)) if self.flow else math.exp(-half_log_snr)

    def alpha_of(self, sigma: float) -> float:
        """The factor of the picture at a noise level."""
        return 1.0 - sigma if self.flow else 1.0

    def ratio_of(self, sigma: float) -> float:
        """Noise over signal at a noise level, e^-lambda; infinite for pure noise on a flow."""
        if not self.flow:
            return sigma
        return sigma / (1.0 - sigma) if sigma < 1.0 else math.inf

    def with_finite_start(self, sigmas: Sequence[float]) -> list[float]:
        """The levels; on a flow, a first level of pure noise is moved to just below, where lambda exists."""
        levels = list(sigmas)
        if self.flow and len(levels) > 1 and levels[0] >= 1.0:
            levels[0] = self.percent_to_sigma(_JUST_BELOW_NOISE)
        return levels

    def noised(self, latent: Tensor, noise: Tensor, sigma: float) -> Tensor:
        """A clean latent (B, C, H, W) at a noise level; noise has its shape and unit variance."""
        return latent * (1.0 - sigma) + noise * sigma if self.flow else latent + noise * sigma
