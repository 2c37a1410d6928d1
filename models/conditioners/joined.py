"""Answers what a network takes whose further inputs come from several sources."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from models.conditioner import Conditioner, Surroundings


@dataclass(frozen=True)
class JoinedConditioner:
    """The inputs of all of its parts; no two parts make the same input."""

    parts: tuple[Conditioner, ...]

    @property
    def spatial(self) -> frozenset[str]:
        """The spatial inputs of all parts."""
        return frozenset().union(*(part.spatial for part in self.parts))

    def inputs(
        self, pooled: Tensor | None, fields: Mapping[str, Any], where: Surroundings
    ) -> Mapping[str, Tensor]:
        """The inputs of all parts; pooled is (1, P)."""
        return {
            name: value for part in self.parts for name, value in part.inputs(pooled, fields, where).items()
        }
