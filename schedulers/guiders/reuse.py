"""Leaves out whole steps of guidance whose outcome would hardly change; see models/adapters/reuse.py."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from torch import Tensor

from models.adapters.reuse import ChangeRate
from schedulers.step import PairDenoiser

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GuidanceReuse:
    """Answers with the last change from x to the clean latent while that is expected to hold.

    threshold: part of the latent's size up to which changes are left out.
    sigma_start, sigma_end: it does so from below the first and above the second noise level.
    is_told: write to the log what is left out.
    """

    threshold: float
    sigma_start: float
    sigma_end: float
    is_told: bool = False

    def wrapped(self, denoise: PairDenoiser) -> PairDenoiser:
        """The denoiser of one run."""
        rate = ChangeRate(self.threshold)
        changes: list[Tensor] = []

        def reusing(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
            if sigma <= self.sigma_end:
                return denoise(x, sigma)
            holds = sigma <= self.sigma_start
            if holds and changes and rate.is_small(x):
                logger.log(logging.INFO if self.is_told else logging.DEBUG, "sigma %.3f: left out", sigma)
                return x + changes[0], x + changes[1]
            denoised, negative = denoise(x, sigma)
            rate.learn(x, denoised, x.shape[0], holds)
            changes[:] = [denoised - x, negative - x]
            return denoised, negative

        return reusing
