"""Answers what networks that draw after pictures take (unCLIP): noised embeddings of the pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from models.conditioner import Surroundings
from models.vision.noise_augmentation import NoiseAugmentation

# The field that the pictures hang on.
PICTURES = "unclip_conditioning"
_NOISE_OF_SEVERAL = 0.05


@dataclass(frozen=True)
class UnclipConditioner:
    """For Stable Diffusion 2.1 unCLIP; `width` is that of a picture embedding."""

    width: int
    spatial: frozenset[str] = frozenset()

    def inputs(
        self, pooled: Tensor | None, fields: Mapping[str, Any], where: Surroundings
    ) -> Mapping[str, Tensor]:
        """The vector (1, 2 * width) of the pictures, zeros without one; pooled (1, P) is unused."""
        del pooled
        merge = fields.get("unclip_noise_augment_merge", _NOISE_OF_SEVERAL)
        vector = NoiseAugmentation(self.width).vector(fields.get(PICTURES, ()), where.seed, merge)
        return {"vector": vector}
