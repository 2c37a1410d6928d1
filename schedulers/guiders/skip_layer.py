"""Rules that guide away from what the network predicts with some of its transformer blocks left out.

References: skip-layer guidance, Stability AI 2024 (sd3.5); spatiotemporal skip guidance, Hyung et al. 2024
(arXiv:2411.18664), equation 7; rescaling, Lin et al. 2024 (arXiv:2305.08891), equations 15 and 16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.adapters.patch import Patch
from models.adapters.skipped_layers import SkippedLayers
from schedulers.guiders.rescaling import deviation
from schedulers.guiders.rule import Guided, Sampling


@dataclass(frozen=True)
class SkipLayer:
    """Guidance away from the positive prediction without some layers.

    layers: what is left out.
    scale: strength; 0 changes nothing.
    start, end: the part of sampling in which it holds.
    rescaling: share by which what comes out is brought to the deviation of the positive prediction.
    """

    layers: SkippedLayers
    scale: float = 3.0
    start: float = 0.01
    end: float = 0.15
    rescaling: float = 0.0
    stage: Literal["after"] = "after"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Predict the positive prompt once more and move away from that."""
        if self.scale == 0 or not _holds(self.start, self.end, guided.sigma, guided.sampling):
            return guided
        without = guided.predict(guided.x, guided.sigma, ("positive",), (self.layers,))["positive"]
        moved = guided.result + (guided.positive - without) * self.scale
        if self.rescaling != 0:
            factor = deviation(guided.positive) / deviation(moved)
            moved = moved * (self.rescaling * factor + (1 - self.rescaling))
        return guided.with_result(moved)


@dataclass(frozen=True)
class SkipLayerNegative:
    """The negative prediction of classifier-free guidance is made without some layers.

    layers: what is left out.
    start, end: the part of sampling in which it holds.
    """

    layers: SkippedLayers
    start: float = 0.0
    end: float = 1.0

    def under(self, name: str, sigma: float, sampling: Sampling) -> tuple[Patch, ...]:
        """What is installed while a list is predicted."""
        if name == "negative" and _holds(self.start, self.end, sigma, sampling):
            return (self.layers,)
        return ()


def _holds(start: float, end: float, sigma: float, sampling: Sampling) -> bool:
    """Whether a noise level lies in a part of sampling."""
    highest, lowest = sampling.table.window(start, end)
    return lowest <= sigma <= highest
