"""How far an ancestral step goes down before noise takes it up again (Song et al. 2021, eta = 1 is DDPM)."""

from __future__ import annotations

import math
from typing import NamedTuple

from schedulers.path import Path


class Leap(NamedTuple):
    """Integrate to the level `down`, then x becomes scale x + up noise at the next level."""

    down: float
    scale: float
    up: float


def split(sigma: float, sigma_next: float, eta: float = 1.0) -> tuple[float, float]:
    """(down, up) with down^2 + up^2 = sigma_next^2: integrate to down, then add noise of size up.

    Where sigma rises there is no such split; then everything is fresh noise.
    """
    if eta == 0:
        return sigma_next, 0.0
    if math.isinf(sigma):
        return 0.0, sigma_next
    fresh = sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2
    up = sigma_next if fresh < 0 else min(sigma_next, eta * math.sqrt(fresh))
    return math.sqrt(sigma_next**2 - up**2), up


def leap(path: Path, sigma: float, sigma_next: float, eta: float) -> Leap:
    """The split of a step on a path.

    On a flow the level goes down further by eta times the step's own ratio, and what is scaled back up keeps
    the picture's share (1 - sigma_next) and the noise's variance.
    """
    if not path.flow:
        down, up = split(sigma, sigma_next, eta)
        return Leap(down, 1.0, up)
    down = sigma_next * (1.0 + (sigma_next / sigma - 1.0) * eta)
    scale = (1.0 - sigma_next) / (1.0 - down)
    return Leap(down, scale, math.sqrt(max(sigma_next**2 - (down * scale) ** 2, 0.0)))
