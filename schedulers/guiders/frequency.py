"""Rules that treat slow and fast parts of guidance differently."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from schedulers.guiders.rule import Guided


def scaled_frequencies(planes: Tensor, low: float, high: float, cutoff: int) -> Tensor:
    """(B, C, H, W) with its lowest frequencies, up to a cutoff in each direction, and the others scaled."""
    spectrum = torch.fft.fftshift(torch.fft.fftn(planes.float(), dim=(-2, -1)), dim=(-2, -1))
    factors = torch.full(spectrum.shape[-2:], high, device=planes.device)
    rows, columns = (slice(side // 2 - reach, side // 2 + reach) for side, reach in _reaches(planes, cutoff))
    factors[rows, columns] = low
    restored = torch.fft.ifftn(torch.fft.ifftshift(spectrum * factors, dim=(-2, -1)), dim=(-2, -1)).real
    return torch.as_tensor(restored, dtype=planes.dtype)


def _reaches(planes: Tensor, cutoff: int) -> list[tuple[int, int]]:
    return [(side, min(cutoff, side // 2)) for side in planes.shape[-2:]]


@dataclass(frozen=True)
class FrequencyScaled:
    """The difference of the predictions with its slow and fast parts scaled (Huang et al. 2025, FreSca).

    low, high: factors of both parts; cutoff: lowest frequencies that count as slow.
    """

    low: float = 1.0
    high: float = 1.25
    cutoff: int = 20
    stage: Literal["before"] = "before"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Change the positive prediction, where there is a negative one."""
        if not guided.has_negative:
            return guided
        difference = guided.positive - guided.negative
        changed = scaled_frequencies(difference, self.low, self.high, self.cutoff)
        return replace(guided, positive=changed + guided.negative)


def pyramid(planes: Tensor, levels: int) -> list[Tensor]:
    """A Laplacian pyramid of (B, C, H, W), finest first; the last one is what is left."""
    bands = []
    for _ in range(levels - 1):
        if min(planes.shape[-2:]) < 2:
            break
        coarse = avg_pool2d(planes, 2, ceil_mode=True)
        smooth = interpolate(coarse, planes.shape[-2:], mode="bilinear", align_corners=False)
        bands.append(planes - smooth)
        planes = coarse
    return [*bands, planes]


def assembled(bands: list[Tensor]) -> Tensor:
    """The planes (B, C, H, W) that a pyramid was made of."""
    planes = bands[-1]
    for band in reversed(bands[:-1]):
        planes = band + interpolate(planes, band.shape[-2:], mode="bilinear", align_corners=False)
    return planes


@dataclass(frozen=True)
class FrequencyDecoupled:
    """Guidance with a scale for slow and one for fast parts (Sadat et al. 2025, FDG).

    low, high: scales of both; the guider's own is not used.
    """

    low: float = 3.0
    high: float = 8.0
    stage: Literal["combine"] = "combine"
    needs_negative: bool = True

    def apply(self, guided: Guided) -> Guided:
        """Combine each band of the predictions at its scale."""
        if not guided.has_negative:
            return guided.with_result(guided.positive)
        bands = []
        pairs = zip(pyramid(guided.positive, 2), pyramid(guided.negative, 2), strict=True)
        for scale, (positive, negative) in zip((self.high, self.low), pairs, strict=False):
            bands.append(negative + (positive - negative) * scale)
        return guided.with_result(assembled(bands))
