"""How far an ancestral step goes down before noise takes it up again (Song et al. 2021, eta = 1 is DDPM)."""

from __future__ import annotations

import math


def split(sigma: float, sigma_next: float, eta: float = 1.0) -> tuple[float, float]:
    """(down, up) with down^2 + up^2 = sigma_next^2: integrate to down, then add noise of size up.

    Where sigma rises there is no such split; then everything is fresh noise.
    """
    if eta == 0:
        return sigma_next, 0.0
    fresh = sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2
    up = sigma_next if fresh < 0 else min(sigma_next, eta * math.sqrt(fresh))
    return math.sqrt(sigma_next**2 - up**2), up
