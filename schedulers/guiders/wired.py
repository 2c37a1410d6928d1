"""What guides a sampling, as it lies on a wire: a guider with its model and its conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.adapters.patch import Patched
from models.diffusion import DiffusionModel
from schedulers.conditioning import ConditioningValue
from schedulers.guiders.cfg import Guider

Lists = Mapping[str, ConditioningValue]


@dataclass(frozen=True, eq=False)
class Helper:
    """A second model that predicts lists of its own."""

    model: Patched[DiffusionModel]
    lists: Lists


@dataclass(frozen=True, eq=False)
class WiredGuider:
    """A GUIDER.

    model: what is sampled.
    guider: what is made of its predictions.
    lists: the conditions by the names that the guider asks for.
    helpers: further models, for names that `lists` does not have.
    """

    model: Patched[DiffusionModel]
    guider: Guider
    lists: Lists
    helpers: tuple[Helper, ...] = field(default=())
