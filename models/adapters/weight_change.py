"""Says what a change to weights is, puts such changes on a network, and answers what weights they make."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from models.adapters.patch import Patched

# The parameters that wait beside a module while changed ones stand in their place.
_originals: "WeakKeyDictionary[nn.Module, dict[str, nn.Parameter]]" = WeakKeyDictionary()


class WeightChange(ABC):
    """A patch that does nothing but change parameters, each from what it was alone."""

    @property
    @abstractmethod
    def key(self) -> Hashable:
        """Equal for two changes that do the same."""

    @abstractmethod
    def places(self, root: nn.Module) -> Iterable[str]:
        """Names of the parameters of a network that it changes."""

    @abstractmethod
    def change(self, name: str, weight: Tensor) -> Tensor:
        """The changed parameter (any shape), in float32 like the one that came, which is left as it is."""

    def reshape(self, name: str, shape: torch.Size) -> torch.Size:
        """The shape of the changed parameter, which for most is that of the one that came."""
        del name
        return shape

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Put the changed parameters on a network."""
        install_changes(root, (self,), undo)


def install_changes(root: nn.Module, changes: Sequence[WeightChange], undo: ExitStack) -> None:
    """Put changed parameters in the place of a network's own, which wait beside and come back as they were.

    Several changes of one parameter are made in order and in float32; it is rounded once.
    """
    put(root, changed_parameters(root, changes), undo)


def changed_parameters(root: nn.Module, changes: Sequence[WeightChange]) -> dict[str, nn.Parameter]:
    """The parameters that changes make of those that stand on a network now, by name."""
    made = {}
    for name, wanted in _plan(root, changes).items():
        module, parameter = _place(root, name)
        original = module.get_parameter(parameter)
        changed = _like(original, _changed(original, name, wanted), root)
        made[name] = nn.Parameter(changed, requires_grad=False)
    return made


def put(root: nn.Module, parameters: Mapping[str, nn.Parameter], undo: ExitStack) -> None:
    """Put parameters on a network by name; what stood there waits beside and comes back with `undo`."""
    for name, changed in parameters.items():
        module, parameter = _place(root, name)
        _keep_original(module, parameter, module.get_parameter(parameter), undo)
        module.register_parameter(parameter, changed)


class PatchedWeights:
    """The weights of a model as its patches make them, one at a time; its network is left alone.

    What is installed on the network at the moment makes no difference.
    """

    def __init__(self, patched: "Patched[Any]") -> None:
        self.network: nn.Module = patched.base.network
        self.changes = tuple(patch for patch in patched.patches if isinstance(patch, WeightChange))

    @property
    def key(self) -> Hashable:
        """Equal for weights of the same network under the same changes."""
        return (self.network, tuple(change.key for change in self.changes))

    @cached_property
    def shapes(self) -> Mapping[str, torch.Size]:
        """Names and shapes of the parameters."""
        shapes = {}
        for name, _ in self.network.named_parameters():
            shape = original_parameter(self.network, name).shape
            for change in self._plan.get(name, ()):
                shape = change.reshape(name, shape)
            shapes[name] = shape
        return shapes

    def precise(self, name: str) -> Tensor:
        """A parameter (any shape) in float32."""
        return _changed(original_parameter(self.network, name), name, self._plan.get(name, ()))

    def dtype(self, name: str) -> torch.dtype:
        """The number type in which the network has a parameter."""
        return original_parameter(self.network, name).dtype

    def read(self, name: str) -> Tensor:
        """A parameter (any shape) in the number type in which the network has it."""
        original = original_parameter(self.network, name)
        changes = self._plan.get(name)
        if not changes:
            return original.detach()
        return _like(original, _changed(original, name, changes), self.network)

    @cached_property
    def _plan(self) -> Mapping[str, Sequence[WeightChange]]:
        return _plan(self.network, self.changes)


def _plan(root: nn.Module, changes: Sequence[WeightChange]) -> dict[str, list[WeightChange]]:
    """Which changes each parameter gets, in order."""
    plan: dict[str, list[WeightChange]] = {}
    for change in changes:
        for name in change.places(root):
            plan.setdefault(name, []).append(change)
    return plan


def _changed(original: Tensor, name: str, changes: Sequence[WeightChange]) -> Tensor:
    with torch.no_grad():
        weight = original.detach().float()
        for change in changes:
            weight = change.change(name, weight)
        return weight


def _like(original: Tensor, changed: Tensor, root: nn.Module) -> Tensor:
    """A changed parameter in the number type and the memory layout of the one it was made from.

    Networks whose weights count as if kept in another type, `rounded_to`, have it rounded to that one first.
    """
    rounded_to: torch.dtype | None = getattr(root, "rounded_to", None)
    changed = changed.to(rounded_to or original.dtype).to(original.dtype)
    last = original.ndim == 4 and not original.is_contiguous()
    return changed.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def _place(root: nn.Module, name: str) -> tuple[nn.Module, str]:
    path, _, parameter = name.rpartition(".")
    return root.get_submodule(path), parameter


def original_parameter(root: nn.Module, name: str) -> nn.Parameter:
    """A parameter as it is when nothing is installed."""
    module, parameter = _place(root, name)
    waiting = _originals.get(module, {}).get(parameter)
    return module.get_parameter(parameter) if waiting is None else waiting


def _keep_original(module: nn.Module, parameter: str, original: nn.Parameter, undo: ExitStack) -> None:
    """Remember a parameter that is about to be replaced, until `undo` puts it back."""
    waiting = _originals.setdefault(module, {})
    if parameter not in waiting:
        waiting[parameter] = original
        undo.callback(waiting.pop, parameter)
    undo.callback(module.register_parameter, parameter, original)
