"""Says the colours of pictures in another colour space.

References: IEC 61966-2-1 (sRGB); ITU-R BT.2100 (hybrid log-gamma, PQ) and BT.2408 (its reference white);
Academy S-2014-004 (ACEScg) and S-2016-001 (ACEScct); ARRI, "ALEXA Log C Curve" 2017, EI 800, and its wide
gamut; chromatic adaptation after Bradford, as in ICC.1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image
from nodes.api.widgets import Choice
from nodes.image.transfer import from_linear, to_linear
from nodes.saving.advanced import AP1_PRIMARIES, REC2020_PRIMARIES, hlg_to_light
from nodes.saving.exr import SRGB_PRIMARIES

ARRI_PRIMARIES = (0.684, 0.313, 0.221, 0.848, 0.0861, -0.102, 0.3127, 0.3290)
PQ_PEAK, PQ_WHITE = 10_000.0, 203.0
BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
SUN = (0.3127, 0.3290)

Convert = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Space:
    """How values become light and back, and the primaries that the light has."""

    to_light: Convert
    from_light: Convert
    primaries: tuple[float, ...]


def light_to_hlg(light: Tensor) -> Tensor:
    """Return scene light (...,) as a hybrid log-gamma signal (BT.2100, table 5)."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * math.log(4 * a)
    dark = (3 * light.clamp(min=0)).sqrt()
    return torch.where(light <= 1 / 12, dark, a * torch.log((12 * light - b).clamp(min=1e-6)) + c)


def pq_to_light(signal: Tensor) -> Tensor:
    """Return a PQ signal (...,) as light, 1 = reference white (BT.2100, table 4)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = signal.clamp(0, 1) ** (1 / m2)
    return ((power - c1).clamp(min=0) / (c2 - c3 * power)) ** (1 / m1) * (PQ_PEAK / PQ_WHITE)


def light_to_pq(light: Tensor) -> Tensor:
    """Return light (...,), 1 = reference white, as a PQ signal."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = (light * (PQ_WHITE / PQ_PEAK)).clamp(0, 1) ** m1
    return ((c1 + c2 * power) / (1 + c3 * power)) ** m2


def acescct_to_light(signal: Tensor) -> Tensor:
    """Return ACEScct values (...,) as light (S-2016-001, section 4.4)."""
    dark = (signal - 0.0729055341958355) / 10.5402377416545
    return torch.where(signal <= 0.155251141552511, dark, torch.exp2(signal * 17.52 - 9.72))


def light_to_acescct(light: Tensor) -> Tensor:
    """Return light (...,) as ACEScct values."""
    bright = (torch.log2(light.clamp(min=0.0078125)) + 9.72) / 17.52
    return torch.where(light <= 0.0078125, 10.5402377416545 * light + 0.0729055341958355, bright)


CUT, A, B, C, D, E, F = 0.010591, 5.555556, 0.052272, 0.247190, 0.385537, 5.367655, 0.092809
"""Log C at EI 800."""


def logc_to_light(signal: Tensor) -> Tensor:
    """Return Log C values (...,) as light."""
    bright = (10 ** ((signal - D) / C) - B) / A
    return torch.where(signal > E * CUT + F, bright, (signal - F) / E)


def light_to_logc(light: Tensor) -> Tensor:
    """Return light (...,) as Log C values."""
    bright = C * torch.log10(A * light.clamp(min=CUT) + B) + D
    return torch.where(light > CUT, bright, E * light + F)


def _same(light: Tensor) -> Tensor:
    return light


SPACES: dict[str, Space] = {
    "sRGB": Space(to_linear, from_linear, SRGB_PRIMARIES),
    "HDR": Space(hlg_to_light, light_to_hlg, REC2020_PRIMARIES),
    "HDR ACEScct": Space(acescct_to_light, light_to_acescct, AP1_PRIMARIES),
    "HDR LogC3": Space(logc_to_light, light_to_logc, ARRI_PRIMARIES),
    "HDR PQ": Space(pq_to_light, light_to_pq, REC2020_PRIMARIES),
    "linear": Space(_same, _same, SRGB_PRIMARIES),
    "linear ACEScg": Space(_same, _same, AP1_PRIMARIES),
}


def to_xyz(primaries: tuple[float, ...]) -> Tensor:
    """Return the matrix (3, 3) from light to CIE XYZ (D65): primaries are x, y of red, green, blue, white."""
    places = torch.tensor(primaries, dtype=torch.float64).reshape(4, 2)
    whole = torch.stack(
        (places[:, 0] / places[:, 1], torch.ones_like(places[:, 0]), (1 - places.sum(1)) / places[:, 1])
    )
    colours, white = whole[:, :3], whole[:, 3]
    matrix = colours * torch.linalg.solve(colours, white)
    sun = torch.tensor((SUN[0] / SUN[1], 1.0, (1 - sum(SUN)) / SUN[1]), dtype=torch.float64)
    cones = torch.tensor(BRADFORD, dtype=torch.float64)
    adapted = torch.linalg.inv(cones) @ torch.diag((cones @ sun) / (cones @ white)) @ cones
    result: Tensor = adapted @ matrix
    return result


@node(
    id="ImageColorSpace", display_name="Convert Image Color Space", category="image/color", outputs=("image",)
)
def convert(
    image: Image,
    source: Annotated[str, Choice(SPACES)] = "sRGB",
    destination: Annotated[str, Choice(SPACES)] = "linear",
) -> Image:
    """Say the colours of pictures in another colour space.

    Args:
        image: (B, H, W, C); of four channels the last, opacity, stays as it is.
        source: what the values mean: HDR is hybrid log-gamma, the linear ones are light already.
        destination: what they shall mean; light that is brighter than white goes beyond 1.
    """
    if image.shape[-1] < 3:
        raise NodeError(f"only pictures with 3 channels have colours, not {image.shape[-1]}")
    if source == destination:
        return image
    start, end = SPACES[source], SPACES[destination]
    light = start.to_light(image[..., :3])
    if start.primaries != end.primaries:
        matrix = torch.linalg.inv(to_xyz(end.primaries)) @ to_xyz(start.primaries)
        light = light @ matrix.T.to(light)
    return torch.cat((end.from_light(light), image[..., 3:]), dim=-1)
