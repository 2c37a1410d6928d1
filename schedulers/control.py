"""Says what steers a network beside the prompt: what a CONDITIONING carries, what a run makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from torch import Tensor

from models.conditioner import Surroundings
from models.control.residuals import Residuals
from schedulers.conditioning import ConditioningValue


class BoundControl(Protocol):
    """A control made ready for one run of sampling."""

    def residuals(
        self, x: Tensor, sigma: float, t: Tensor, context: Tensor, inputs: Mapping[str, Tensor]
    ) -> Residuals | None:
        """What is added inside the network, or None where the control does not hold at sigma.

        Args:
            x: (B, C, h, w), scaled for the network, without channels that are concatenated.
            sigma: the noise level.
            t: (B,) what the network takes for the time.
            context: (B, T, D).
            inputs: the network's further inputs, (B, ...) each.
        """
        ...


class Control(Protocol):
    """What an entry's field "control" holds a tuple of; frozen, shared by entries."""

    @property
    def network(self) -> Any | None:
        """The model value that must be on the compute device while it is used, or None."""
        ...

    def bind(self, where: Surroundings, percent_to_sigma: Callable[[float], float]) -> BoundControl:
        """The control for one run."""
        ...


def networks(*lists: ConditioningValue) -> tuple[Any, ...]:
    """The model values that the controls of some conditionings need, each once."""
    found: dict[int, Any] = {}
    for control in _controls(lists):
        if control.network is not None:
            found[id(control.network)] = control.network
    return tuple(found.values())


def _controls(lists: Iterable[ConditioningValue]) -> Iterable[Any]:
    for entries in lists:
        for entry in entries:
            yield from entry.extra.get("control", ())
            if (boxes := entry.extra.get("gligen")) is not None:
                yield boxes
