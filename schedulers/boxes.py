"""Holds texts with boxes (GLIGEN) as a CONDITIONING carries them."""

from __future__ import annotations

from dataclasses import dataclass

from models.adapters.gligen import Box, GatedObjects, GligenModel
from models.adapters.patch import Patch, Patched
from schedulers.conditioning import BoundHook


@dataclass(frozen=True, eq=False)
class Boxes:
    """What an entry's field "gligen" holds.

    model: the network.
    boxes: texts with their places, first added first.
    """

    model: Patched[GligenModel]
    boxes: tuple[Box, ...]

    @property
    def network(self) -> Patched[GligenModel]:
        """The model value that must be on the compute device."""
        return self.model

    def after(self, hook: BoundHook | None) -> BoundHook:
        """A hook that puts the boxes into the network after what another hook changes."""
        return _BoxHook(GatedObjects(self.model.base.network, self.boxes), hook)


@dataclass(frozen=True, eq=False)
class _BoxHook:
    """Boxes behind another hook."""

    patch: GatedObjects
    first: BoundHook | None

    def patches(self, sigma: float) -> tuple[Patch, ...]:
        """What is installed at a noise level."""
        return (*(self.first.patches(sigma) if self.first else ()), self.patch)
