"""Says what a change to weights is, puts such changes on a network, and answers what weights they make."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from models.adapters.at_use import changed_at_use
from models.adapters.beside import Beside, beside_layer
from models.adapters.deltas import Step
from models.adapters.exact import exact_of, loses
from models.adapters.ways import Way, choose
from models.host_memory import host_room
from models.packed.away import Away, here, kept_like, waiting
from models.packed.plain import is_compressed
from models.packed.tensor import Packed, dense

if TYPE_CHECKING:
    from models.adapters.patch import Patched

# Of the memory that is free, changed weights of a network may take so much.
_PART_OF_FREE = 0.5
_exchanged = [0]
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

    def step(self, name: str) -> Step | None:
        """What it does to a parameter, as a delta that any weight can be given to; None if there is none."""
        del name
        return None

    def reshape(self, name: str, shape: torch.Size) -> torch.Size:
        """The shape of the changed parameter, which for most is that of the one that came."""
        del name
        return shape

    def exact(self) -> "WeightChange":
        """The same, with all the bits that files have of what it takes from other networks."""
        return self

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Put the changed parameters on a network."""
        install_changes(root, (self,), undo)


@dataclass(frozen=True)
class Made:
    """What changes make of a network.

    Attributes:
        parameters: what stands in the place of parameters, by name.
        besides: what runs beside layers, by the names of these.
    """

    parameters: Mapping[str, nn.Parameter]
    besides: Mapping[str, Beside]


def install_changes(root: nn.Module, changes: Sequence[WeightChange], undo: ExitStack) -> None:
    """Put what changes make on a network; its own parameters wait beside and come back as they were.

    Several changes of one parameter are made in order and in float32; it is rounded once.
    """
    put(root, made_by(root, changes), undo)


def made_by(root: nn.Module, changes: Sequence[WeightChange]) -> Made:
    """What changes make of the parameters that stand on a network now, each in the way that suits it."""
    parameters: dict[str, nn.Parameter] = {}
    besides: dict[str, Beside] = {}
    plan = _plan(root, changes)
    stays = _is_short_of_memory(root, plan)
    for name, wanted in plan.items():
        module, parameter = _place(root, name)
        original = module.get_parameter(parameter)
        steps = _steps(name, wanted)
        way = choose(module, parameter, original, steps, stays=stays)
        standing = beside_layer(module) if parameter == "weight" else ()
        if way is Way.BESIDE and steps is not None:
            besides[name.rpartition(".")[0]] = Beside(module, steps)
        elif way is Way.AT_USE and steps is not None and not standing:
            parameters[name] = nn.Parameter(changed_at_use(original, steps), requires_grad=False)
        else:
            changed = _like(original, _changed(original, name, wanted, standing), root)
            parameters[name] = nn.Parameter(kept_like(original, changed), requires_grad=False)
    return Made(parameters, besides)


def exchanges() -> int:
    """How often patches were put on networks or taken off, in this process."""
    return _exchanged[0]


def count_exchange(undo: ExitStack) -> None:
    """Count that patches are put on a network now, and that they are taken off when `undo` closes."""
    _exchange()
    undo.callback(_exchange)


def _exchange() -> None:
    _exchanged[0] += 1


def put(root: nn.Module, made: Made, undo: ExitStack) -> None:
    """Put what was made on a network; what stood there waits beside and comes back with `undo`."""
    count_exchange(undo)
    for name, changed in made.parameters.items():
        module, parameter = _place(root, name)
        _keep_original(module, parameter, module.get_parameter(parameter), undo)
        module.register_parameter(parameter, changed)
    for beside in made.besides.values():
        beside.stand_in(undo)


class PatchedWeights:
    """The weights of a model as its patches make them, one at a time; its network is left alone.

    What is installed on the network at the moment makes no difference.
    """

    def __init__(self, patched: "Patched[Any]", *, is_exact: bool = False) -> None:
        """The weights of a model; exact ones with all the bits of the file, where the network keeps fewer."""
        self.patched = patched
        self.network: nn.Module = patched.base.network
        self.is_exact = is_exact
        changes = [patch for patch in patched.patches if isinstance(patch, WeightChange)]
        self.changes = tuple(change.exact() if is_exact else change for change in changes)

    def exact(self) -> "PatchedWeights":
        """The same with all the bits of the files they come from."""
        return PatchedWeights(self.patched, is_exact=True)

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
        return _changed(self._original(name), name, self._plan.get(name, ()))

    def dtype(self, name: str) -> torch.dtype:
        """The number type in which the network has a parameter.

        Exact ones are of the type that the file has, but if they are changed and the network has more bits.
        """
        kept = original_parameter(self.network, name).dtype
        found = exact_of(self.network, name) if self.is_exact else None
        told = found[0].dtype(found[1]) if found else None
        if told is None or (name in self._plan and not loses(told, kept)):
            return kept
        return told

    def lost(self, name: str) -> bool:
        """Whether the file that has more bits of a parameter than are kept is not there any more."""
        found = exact_of(self.network, name)
        told = found[0].dtype(found[1]) if found else None
        if found is None or told is None or found[0].is_there:
            return False
        return loses(told, original_parameter(self.network, name).dtype)

    def packed(self, name: str) -> Packed | None:
        """A parameter as it is stored, if that is packed and nothing changes it."""
        original = waiting(original_parameter(self.network, name))
        return original if is_compressed(original) and name not in self._plan else None

    def read(self, name: str) -> Tensor:
        """A parameter (any shape) in its number type; packed ones that nothing changes stay packed."""
        changes = self._plan.get(name)
        if not changes:
            return self._original(name)
        changed = _changed(self._original(name), name, changes)
        if self.is_exact:
            rounded_to: torch.dtype | None = getattr(self.network, "rounded_to", None)
            return changed.to(rounded_to or self.dtype(name))
        return _like(original_parameter(self.network, name), changed, self.network)

    def _original(self, name: str) -> Tensor:
        """A parameter as it is without changes."""
        original = original_parameter(self.network, name).detach()
        found = exact_of(self.network, name) if self.is_exact else None
        if found is None or isinstance(waiting(original), Packed):
            return original
        source, inside = found
        dtype = source.dtype(inside)
        if dtype is None or not loses(dtype, original.dtype):
            return original
        exact = source.read(inside)
        return original if exact is None else exact.reshape(original.shape)

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


def _steps(name: str, changes: Sequence[WeightChange]) -> list[Step] | None:
    """What changes do to a parameter, if each of them can tell."""
    steps = [change.step(name) for change in changes]
    told = [step for step in steps if step is not None]
    return told if len(told) == len(steps) else None


def _is_short_of_memory(root: nn.Module, names: Iterable[str]) -> bool:
    """Whether changed weights of those that wait would take more memory than may be taken there."""
    wanted = sum(
        original.numel() * original.element_size()
        for name in names
        if isinstance(original := original_parameter(root, name), Away)
    )
    return wanted > 0 and wanted > host_room().free * _PART_OF_FREE


def _changed(
    original: Tensor, name: str, changes: Sequence[WeightChange], standing: Sequence[Step] = ()
) -> Tensor:
    """A parameter changed in order; what runs beside its layer counts as part of it, and stays there."""
    with torch.no_grad():
        weight = dense(here(original), torch.float32)
        added = torch.zeros(()).to(weight)
        for step in standing:
            added = added + step.delta.change(torch.zeros_like(weight), step.strength)
        weight = weight + added if standing else weight
        for change in changes:
            weight = change.change(name, weight)
        return weight - added if standing else weight


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
