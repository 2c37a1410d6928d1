"""Says what a change to a network is: a value that is put on and takes itself off without a trace."""

from collections.abc import Hashable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Generic, Protocol, TypeVar, cast
from weakref import WeakSet

from torch import nn

from models.adapters.weight_change import WeightChange, count_exchange, install_changes


class HoldsNetwork(Protocol):
    """A model value: it carries its network."""

    @property
    def network(self) -> nn.Module:
        """The network that patches are installed in."""
        ...


DEFAULT_DEVICE = "default"

_substitutes: "WeakSet[nn.Module]" = WeakSet()

N = TypeVar("N", bound=HoldsNetwork)
M = TypeVar("M", bound=HoldsNetwork)


class Patch(Protocol):
    """A reversible change to a network."""

    @property
    def key(self) -> Hashable:
        """Equal for two patches that do the same."""
        ...

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Change the network, after giving `undo` what restores it exactly."""
        ...


@dataclass(frozen=True, eq=False)
class Patched(Generic[N]):
    """A model with patches to be installed, in order, while it runs; MODEL, CLIP and VAE on the wires.

    Attributes:
        base: the model.
        patches: what is installed.
        device: where it computes: "default" (as it was loaded for), "cpu", or "gpu:0", "gpu:1", ...
    """

    base: N
    patches: tuple[Patch, ...] = ()
    device: str = DEFAULT_DEVICE

    def with_patch(self, *patches: Patch) -> "Patched[N]":
        """The same model with more patches, installed after those it has."""
        return replace(self, patches=(*self.patches, *patches))

    def with_base(self, base: M) -> "Patched[M]":
        """Another model under the same patches."""
        return Patched(base, self.patches, self.device)

    def on_device(self, device: str) -> "Patched[N]":
        """The same model, computed with on another device."""
        return replace(self, device=device)

    @property
    def stays_on_cpu(self) -> bool:
        """Whether it is computed with on the CPU, whatever device there is."""
        if self.device == DEFAULT_DEVICE:
            return bool(getattr(self.base.network, "stays_on_cpu", False))
        return self.device == "cpu"

    @property
    def stack(self) -> tuple[Hashable, ...]:
        """What the patches do, to be compared with what is installed."""
        return tuple(patch.key for patch in self.patches)


@contextmanager
def applied(patched: Patched[N]) -> Iterator[N]:
    """The base of a patched model with its patches installed; gone afterwards, whatever happens inside."""
    with ExitStack() as undo:
        install(patched.base.network, patched.patches, undo)
        yield patched.base


def install(root: nn.Module, patches: tuple[Patch, ...], undo: ExitStack) -> None:
    """Install patches in order; if one fails, those before it are restored when `undo` closes."""
    if patches:
        count_exchange(undo)
    for changes_weights, group in groupby(patches, lambda patch: isinstance(patch, WeightChange)):
        if changes_weights:
            install_changes(root, cast(list[WeightChange], list(group)), undo)
        else:
            for patch in group:
                patch.install(root, undo)


@dataclass(frozen=True, eq=False)
class Substitution:
    """Puts another module in the place of a named child; the children of that place are the maker's business.

    Attributes:
        path: dotted name of the child.
        module: what stands there while installed.
    """

    path: str
    module: nn.Module

    @property
    def key(self) -> Hashable:
        """The place and the very module."""
        return ("substitution", self.path, self.module)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Swap the child."""
        parent_path, _, name = self.path.rpartition(".")
        parent: Any = root.get_submodule(parent_path)
        original = parent.get_submodule(name)
        undo.callback(setattr, parent, name, original)
        _substitutes.add(self.module)
        setattr(parent, name, self.module)


def stands_in(module: nn.Module) -> bool:
    """Whether a module is one that a patch put in the place of another."""
    return module in _substitutes
