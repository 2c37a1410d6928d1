"""Rules that guide away from what the network predicts with its attention spoilt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad

from models.adapters.attention_edits import IdentityAttention, ScoreBox
from schedulers.guiders.rule import Guided

_LEAST_CELLS = 5
_KERNEL = 9


@dataclass(frozen=True)
class PerturbedAttention:
    """Away from the prediction in which tokens of the middle see themselves alone (Ahn et al. 2024, eq. 13).

    scale: strength; 0 changes nothing.
    """

    scale: float = 3.0
    stage: Literal["after"] = "after"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Predict the positive prompt once more and move away from that."""
        if self.scale == 0:
            return guided
        spoilt = guided.predict(guided.x, guided.sigma, ("positive",), (IdentityAttention(),))["positive"]
        return guided.with_result(guided.result + (guided.positive - spoilt) * self.scale)


def blurred(planes: Tensor, sigma: float, size: int = _KERNEL) -> Tensor:
    """(B, C, H, W) under a Gaussian of size x size cells, mirrored at the sides; sigma 0 blurs nothing."""
    if sigma == 0:
        return planes
    places = torch.linspace(-(size - 1) / 2, (size - 1) / 2, size, device=planes.device, dtype=planes.dtype)
    line = torch.exp(-0.5 * (places / sigma) ** 2)
    line = line / line.sum()
    kernel = torch.outer(line, line).expand(planes.shape[1], 1, size, size)
    return conv2d(pad(planes, [size // 2] * 4, mode="reflect"), kernel, groups=planes.shape[1])


def _grid(tokens: int, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the tokens of a latent: the pair that comes nearest to its sides."""
    rows = round(math.sqrt(height / width * tokens))
    for away in range(max(1, math.floor(math.sqrt(tokens) / 2))):
        for candidate in (rows + away, max(1, rows - away)):
            if tokens % candidate == 0:
                return candidate, tokens // candidate
    raise ValueError(f"{tokens} tokens do not make a grid for a latent of {height} x {width} cells")


@dataclass(frozen=True, eq=False)
class SelfAttention:
    """Away from the negative prediction blurred where its self-attention looks (Hong et al. 2023, alg. 1).

    box: where the scores of the negative prediction's attention lie (`CaptureScores` puts them there).
    scale: strength.
    blur: of the Gaussian, in cells.
    """

    box: ScoreBox
    scale: float = 0.5
    blur: float = 2.0
    stage: Literal["after"] = "after"
    needs_negative: bool = True

    def apply(self, guided: Guided) -> Guided:
        """Predict the negative prompt on a blurred state and move away from that."""
        scores = self.box.take()
        height, width = guided.x.shape[-2:]
        if scores is None or min(height, width) < _LEAST_CELLS:
            return guided
        negative = guided.negative
        looked_at = scores.mean(dim=1).sum(dim=1) > 1.0
        rows, columns = _grid(looked_at.shape[1], height, width)
        mask = looked_at.view(-1, 1, rows, columns).to(negative.dtype)
        mask = interpolate(mask, (height, width), mode="nearest")
        spoilt = blurred(negative, self.blur) * mask + negative * (1 - mask)
        state = spoilt + guided.x - negative
        again = guided.predict(state, guided.sigma, ("negative",))["negative"]
        self.box.take()
        return guided.with_result(guided.result + (spoilt - again) * self.scale)


@dataclass(frozen=True)
class BothPrompts:
    """The negative prompt is computed at a scale of 1 too, for patches of the network that look at both."""

    stage: Literal["after"] = "after"
    needs_negative: bool = True

    def apply(self, guided: Guided) -> Guided:
        """Nothing is changed here."""
        return guided
