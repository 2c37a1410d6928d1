"""Answers what a network takes that was distilled for many guidance scales: features of one of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from models.conditioner import Surroundings
from models.embed import guidance_embedding

_USUAL_SCALE = 8.5


@dataclass(frozen=True)
class GuidanceConditioner:
    """Tells the field "guidance"; nothing where that is None, and the usual scale where there is none."""

    width: int
    spatial: frozenset[str] = frozenset()

    def inputs(
        self, pooled: Tensor | None, fields: Mapping[str, Any], where: Surroundings
    ) -> Mapping[str, Tensor]:
        """The features (1, width); pooled (1, P) is unused."""
        del pooled
        scale = fields.get("guidance", _USUAL_SCALE)
        return {} if scale is None else {"guidance": guidance_embedding(scale, self.width).to(where.device)}
