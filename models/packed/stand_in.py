"""Says what is done with tensors whose numbers come only when they are wanted."""

from abc import abstractmethod
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_map


def _done(cls: type["StandIn"], func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """Run one operation of torch."""
    del cls, types
    settings, first = kwargs or {}, args[0] if args else None
    if isinstance(first, StandIn):
        if (made := first.kept(func, settings)) is not None:
            return made
        if func._schema.is_mutable:
            raise RuntimeError(f"{first!r} cannot be changed in place: its numbers stand elsewhere")
    return func(*tree_map(_numbers, args), **tree_map(_numbers, settings))


class StandIn(Tensor):
    """A tensor with the shape, the type and the device of numbers that stand elsewhere, or in another form.

    Whatever is done with it, but for what `kept` does, is done to its numbers: they come for that one
    operation and are forgotten. It cannot be changed in place.
    """

    __torch_dispatch__: Any = classmethod(_done)

    @abstractmethod
    def numbers(self) -> Tensor:
        """Its numbers as a tensor that something can be done with."""

    @abstractmethod
    def kept(self, func: Any, settings: dict[str, Any]) -> Tensor | None:
        """What one of torch's operations makes of it without its numbers; None for any other operation."""

    @property
    @abstractmethod
    def described(self) -> str:
        """What it is in words, without numbers."""

    def __repr__(self) -> str:  # type: ignore[override] # torch's has an option, for numbers in another form
        """What it is in words."""
        return self.described


def _numbers(value: Any) -> Any:
    return value.numbers() if isinstance(value, StandIn) else value
