"""Says what a tensor is whose numbers wait in another memory than the one where they are used."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.packed.stand_in import StandIn

_aten = torch.ops.aten


@dataclass(frozen=True, eq=False)
class Carrier:
    """How numbers come to where they are used, and where those that replace them are kept.

    Attributes:
        device: where they are used.
        bring: makes a copy there of a tensor (any shape) that waits.
        keep: takes a tensor (any shape) that was made there and gives it back where its kind is kept: as it
            is, or as one that waits.
    """

    device: torch.device
    bring: Callable[[Tensor], Tensor]
    keep: Callable[[Tensor], Tensor]


class Away(StandIn):
    """A tensor that says it is where it is used, while its numbers wait elsewhere.

    Whatever is done with it is done to a copy, brought for that one operation and forgotten. Detached ones
    wait too; a copy to where the numbers are anyway is made there.

    Attributes:
        home: the numbers where they wait, packed or not.
        carrier: how they come.
    """

    home: Tensor
    carrier: Carrier

    @staticmethod
    def __new__(cls: type["Away"], home: Tensor, carrier: Carrier) -> "Away":
        """The tensor (any shape) that waits, and how its numbers come."""
        made: Away = Tensor._make_wrapper_subclass(
            cls,
            home.shape,
            strides=home.stride(),
            dtype=home.dtype,
            device=carrier.device,
            requires_grad=False,
        )
        made.home = home
        made.carrier = carrier
        return made

    def numbers(self) -> Tensor:
        """Its numbers where they are used, in memory of their own, packed or not."""
        return self.carrier.bring(self.home)

    @property
    def described(self) -> str:
        """Its shape and places."""
        waits = type(self.home).__name__
        return f"Away({waits}, shape={tuple(self.shape)}, from={self.home.device}, to={self.device})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """A copy of the numbers where they wait, as a parameter if this is one."""
        copied: Tensor = memo.setdefault(id(self), deepcopy(self.home.detach(), memo))
        is_parameter = isinstance(self, nn.Parameter)
        return nn.Parameter(copied, requires_grad=self.requires_grad) if is_parameter else copied

    def kept(self, func: Any, settings: dict[str, Any]) -> Tensor | None:
        """Detached ones wait too; a copy to where the numbers are anyway is made there."""
        if func in (_aten.detach.default, _aten.alias.default):
            return Away(self.home, self.carrier)
        if func is _aten._to_copy.default and _same_place(settings.get("device"), self.home.device):
            return self.home.detach().to(**{**settings, "copy": True})
        return None


def kept_like(original: Tensor, made: Tensor) -> Tensor:
    """A tensor (any shape) made of one of a network, kept as its memory plan has the original kept."""
    carrier: Carrier | None = getattr(original, "carrier", None)
    return made if carrier is None else carrier.keep(made)


def here(tensor: Tensor) -> Tensor:
    """A tensor (any shape, packed or not) where it is used, detached."""
    return tensor.numbers() if isinstance(tensor, Away) else tensor.detach()


def waiting(tensor: Tensor) -> Tensor:
    """A tensor (any shape) where its numbers wait, detached: itself, if they wait nowhere else."""
    return (tensor.home if isinstance(tensor, Away) else tensor).detach()


def _same_place(wanted: torch.device | None, home: torch.device) -> bool:
    return wanted is not None and wanted.type == home.type
