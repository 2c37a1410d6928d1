"""Says what is done with tensors whose numbers come only when they are wanted."""

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._pytree import tree_map

# What layers call. The first operation that comes to `__torch_dispatch__` has torch import torch.distributed
# (it asks whether a tensor is one of those), half a second and 40 MB; these need not go that far.
_LAYERS = frozenset(
    {
        functional.linear,
        functional.conv1d,
        functional.conv2d,
        functional.conv3d,
        functional.embedding,
        functional.layer_norm,
        functional.group_norm,
        functional.rms_norm,
    }
)


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

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of torch: layers get the numbers at once, where no gradient would keep them."""
        del types
        named, first = kwargs or {}, args[0] if args else None
        if not torch.compiler.is_compiling():
            if func is Tensor.detach and isinstance(first, StandIn):
                return first.kept(torch.ops.aten.detach.default, {})
            if func in _LAYERS and not torch.is_grad_enabled():
                return func(*map(_numbers, args), **{name: _numbers(value) for name, value in named.items()})
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **named)

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
