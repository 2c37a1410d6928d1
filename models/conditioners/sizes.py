"""Answers what the XL networks take beside the text: a pooled vector and the sizes of the picture.

Reference: Podell et al. 2023 (arXiv:2307.01952), section 2.2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.conditioner import Surroundings
from models.conditioners.unclip import PICTURES
from models.embed import timestep_embedding
from models.vision.noise_augmentation import NoiseAugmentation

_FEATURES = 256
_PIXELS = 8
GOOD_SCORE, BAD_SCORE = 6.0, 2.5


@dataclass(frozen=True)
class SizeConditioner:
    """For SDXL: pooled vector, size, crop and target size, height before width each time."""

    pooled_width: int = 1280
    spatial: frozenset[str] = frozenset()

    def inputs(
        self, pooled: Tensor | None, fields: Mapping[str, Any], where: Surroundings
    ) -> Mapping[str, Tensor]:
        """The vector (1, pooled_width + 6 * 256) of pooled (1, P) and the fields."""
        width, height = _size(fields, where)
        numbers = (
            height,
            width,
            fields.get("crop_h", 0),
            fields.get("crop_w", 0),
            fields.get("target_height", height),
            fields.get("target_width", width),
        )
        return {"vector": _vector(pooled, fields, numbers, self.pooled_width, where)}


@dataclass(frozen=True)
class ScoreConditioner:
    """For the SDXL refiner: pooled vector, size, crop and how good the picture is said to be."""

    pooled_width: int = 1280
    spatial: frozenset[str] = frozenset()

    def inputs(
        self, pooled: Tensor | None, fields: Mapping[str, Any], where: Surroundings
    ) -> Mapping[str, Tensor]:
        """The vector (1, pooled_width + 5 * 256); without a score that of a good or, if avoided, bad one."""
        width, height = _size(fields, where)
        role = fields.get("prompt_type", where.role)
        usual = BAD_SCORE if role == "negative" else GOOD_SCORE
        score = fields.get("aesthetic_score", usual)
        numbers = (height, width, fields.get("crop_h", 0), fields.get("crop_w", 0), score)
        return {"vector": _vector(pooled, fields, numbers, self.pooled_width, where)}


def _size(fields: Mapping[str, Any], where: Surroundings) -> tuple[float, float]:
    """Width and height in pixels: as the fields say, else those of the latent."""
    rows, columns = where.noise.shape[-2:]
    return fields.get("width", columns * _PIXELS), fields.get("height", rows * _PIXELS)


def _vector(
    pooled: Tensor | None,
    fields: Mapping[str, Any],
    numbers: Sequence[float],
    width: int,
    where: Surroundings,
) -> Tensor:
    """Pooled vector (1, P) and the features of numbers, side by side."""
    if fields.get(PICTURES):
        # A picture stands in for the text.
        pooled = NoiseAugmentation(width).vector(fields[PICTURES], where.seed, 0.0)[:, :width]
    if pooled is None or pooled.shape[1] != width:
        came = "none" if pooled is None else f"one of width {pooled.shape[1]}"
        raise ValueError(
            f"this model takes a pooled text vector of width {width}, but the condition has {came}: "
            "its text encoder is that of another family"
        )
    features = timestep_embedding(torch.tensor([float(number) for number in numbers]), _FEATURES)
    joined = torch.cat([pooled.float().cpu(), features.reshape(1, -1)], dim=1)
    return joined.to(where.device)
