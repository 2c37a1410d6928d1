"""Gives pictures made for ordinary screens the range of bright ones.

References: T. Lottes, "Advanced Techniques and Optimization of HDR Color Pipelines", GDC 2016 (the operator
that is undone); IEC 61966-2-1 (sRGB); ITU-R BT.2100, tables 2 and 5 (Rec. 2020, hybrid log-gamma and its
optical transfer) and BT.2408 (reference white).
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image
from nodes.api.widgets import Range
from nodes.image.colour_space import light_to_hlg, to_xyz
from nodes.image.transfer import to_linear
from nodes.saving.advanced import REC2020_PRIMARIES
from nodes.saving.exr import SRGB_PRIMARIES

WHITE, REFERENCE_PEAK = 203.0, 1000.0
"""Nits of paper white, and of the brightest that hybrid log-gamma's reference screen shows."""
MIDDLE = 0.18
"""Light of a middle grey, which stays as bright as it is."""
LUMINANCE_2020 = (0.2627, 0.6780, 0.0593)


@dataclass(frozen=True)
class Lottes:
    """The inverse of Lottes' tone mapping.

    Args:
        target_luminance: nits that white gets; what is darker than a middle grey changes little. 0 is 1000,
            the most of hybrid log-gamma's reference screen.
    """

    key: ClassVar[str] = "lottes"
    target_luminance: Annotated[float, Range(0.0, 10_000.0, step=1.0)] = 650.0

    @property
    def nits(self) -> float:
        """The luminance of white."""
        return self.target_luminance or REFERENCE_PEAK

    def expanded(self, value: Tensor) -> Tensor:
        """Return amounts of light (...,) in [0, 1] as they were before tone mapping, 1 = paper white.

        Lottes' operator is x^a / (x^(a d) b + c), where b and c are such that a middle grey stays and the
        peak becomes 1. With contrast a = 1 and shoulder d = 1 it has an inverse in closed form. For a white
        that is not brighter than paper, everything is made darker alike.
        """
        peak = self.nits / WHITE
        if peak <= 1.0:
            return value * peak
        bent = (peak - 1.0) / (peak - MIDDLE)
        straight = peak * (1.0 - MIDDLE) / (peak - MIDDLE)
        return straight * value / (1.0 - bent * value)


@node(id="ImageSDRToHDR", display_name="Convert SDR to HDR", category="image/color")
def expand(image: Image, algorithm: Lottes) -> Image:
    """Give pictures for ordinary screens (sRGB) the range of bright ones: as Rec. 2020 hybrid log-gamma.

    Save them with Save Image (Advanced) as OpenEXR of the colour space HDR; elsewhere they look flat.

    Args:
        image: (B, H, W, C), values in [0, 1]; a fourth channel stays as it is.
        algorithm: how bright parts become brighter.
    """
    channels = image.shape[-1]
    if channels not in (1, 3, 4):
        raise NodeError(f"a picture has 1, 3 or 4 channels, not {channels}")
    light = to_linear(image[..., :3].clamp(0, 1)).expand(-1, -1, -1, 3)
    # All channels by the factor of the largest: colours keep their hue, and none goes beyond white.
    largest = light.amax(-1, keepdim=True)
    factor = algorithm.expanded(largest) / largest.clamp(min=1e-6)
    matrix = torch.linalg.inv(to_xyz(REC2020_PRIMARIES)) @ to_xyz(SRGB_PRIMARIES)
    shown = (light * factor) @ matrix.T.to(light) * WHITE
    signal = nits_to_hlg(shown, max(REFERENCE_PEAK, algorithm.nits))
    return torch.cat([signal, image[..., 3:]], dim=-1)


def nits_to_hlg(shown: Tensor, peak: float) -> Tensor:
    """Return the hybrid log-gamma signal (..., 3) in [0, 1] of what a screen shows.

    Colours that the signal cannot hold (bright, saturated blues) are made darker as a whole.

    Args:
        shown: (..., 3) nits of Rec. 2020 red, green and blue.
        peak: nits of the screen's white.
    """
    gamma = 1.2 + 0.42 * math.log10(peak / 1000.0)
    relative = shown.clamp(min=0) / peak
    luminance = (relative * relative.new_tensor(LUMINANCE_2020)).sum(-1, keepdim=True)
    scene = relative * luminance.clamp(min=1e-9) ** ((1.0 - gamma) / gamma)
    scene = scene / scene.amax(-1, keepdim=True).clamp(min=1.0)
    return light_to_hlg(scene).clamp(0, 1)
