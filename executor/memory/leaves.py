"""Holds one leaf of a network in memory: its weights here, away, or brought for each use."""

import weakref
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from executor.memory.blocks import as_slot, fill, laid_out, packed_bytes, plain_bytes
from executor.memory.plan import Way
from executor.memory.streams import Stream
from executor.memory.tiers import Tier
from models.packed.away import Away, Carrier
from models.packed.mapped import is_mapped
from models.packed.plain import is_compressed
from models.packed.tensor import Packed, stored

SMALLEST_GATHERED_BYTES = 2**20
"""Tables of rows that take less are streamed as a whole, like everything else."""


class Slot(NamedTuple):
    """Where a tensor stands on a module: among its parameters or its buffers, and its name there."""

    table: str
    name: str


class Leaf:
    """A module with tensors of its own, and where these are.

    It holds on to the tensors but not to the module, so that nothing keeps a network that nobody wants.

    Attributes:
        name: the path of the module in its network.
        homes: the module's own tensors, which wait where the network was loaded to.
        brought: those that were brought to where the network computes.
        way: what can be done with it where not everything fits.
        is_streamed: whether it fetches what it computes with, all of it or the rows that it wants.
        is_gathered: whether it is the rows.
    """

    def __init__(self, name: str, module: nn.Module, tier: Tier) -> None:
        self.name = name
        self.homes = dict(_slots(module))
        self.brought: dict[Slot, Tensor] = {}
        self._size_bytes = packed_bytes(self.homes.values())
        self.way: Way = "stay"
        if _computes_alone(module):
            self.way = "gather" if self._is_table(module) else "stream"
        self._home_device = next(iter(self.homes.values())).device
        self._has_let_go = False
        self.is_streamed = self.is_gathered = False
        self._module = weakref.ref(module)
        self._tier = tier
        self._carrier = _carrier(tier, self)

    @property
    def module(self) -> nn.Module:
        """The module; it lives wherever this is asked."""
        module = self._module()
        if module is None:
            raise RuntimeError(f"{self.name} is gone")
        return module

    def _is_table(self, module: nn.Module) -> bool:
        """Whether it is a large table of which each use wants a few rows only."""
        return (
            type(module).forward is nn.Embedding.forward
            and module.max_norm is None
            and not is_compressed(self.homes[Slot("_parameters", "weight")])
            and self._size_bytes >= SMALLEST_GATHERED_BYTES
        )

    def size_bytes(self, changed: Collection[str] = ()) -> int:
        """What its tensors take, those with a name among `changed` as plain numbers."""
        if not self.is_touched(changed):
            return self._size_bytes
        return sum(
            packed_bytes([home])
            if self._path(slot) not in changed or not isinstance(home, Packed)
            else plain_bytes(home)
            for slot, home in self.homes.items()
        )

    def is_touched(self, changed: Collection[str]) -> bool:
        """Whether one of its tensors has a name among these."""
        return bool(changed) and any(self._path(slot) in changed for slot in self.homes)

    def held_bytes(self) -> int:
        """What it takes of the memory that the network computes in; what shares memory counts once."""
        here = list(self.brought.values())
        for slot, home in self.homes.items():
            present = self.table(slot)[slot.name]
            if present is not home and not isinstance(present, Away):
                here.append(present)
        return packed_bytes({part.data_ptr(): part for tensor in here for part in stored(tensor)}.values())

    def table(self, slot: Slot) -> dict[str, Any]:
        """The parameters or the buffers of the module."""
        table: dict[str, Any] = self.module.__dict__[slot.table]
        return table

    def send(self) -> None:
        """Have the tensors wait; no patch may stand on the module."""
        self._take_back()
        self.brought.clear()
        for slot, home in self.homes.items():
            if not isinstance(self.table(slot)[slot.name], Away):
                self.table(slot)[slot.name] = as_slot(Away(home, self._carrier), home)

    def bring(self) -> None:
        """Bring what waits and stands on the module.

        Raises:
            torch.OutOfMemoryError: if there is no room; then some of it may be here and the rest waits.
        """
        away = {
            slot: present.home
            for slot in self.homes
            if isinstance(present := self.table(slot)[slot.name], Away)
        }
        own = [slot for slot, home in away.items() if home is self.homes[slot]]
        # What patches made goes alone, and its memory with it.
        for group in (own, *([slot] for slot in away if slot not in own)):
            homes = [away[slot] for slot in group]
            if not homes:
                continue
            made, copies = laid_out(self._tier.block(packed_bytes(homes)), homes)
            self._tier.copy(copies)
            for slot, tensor in zip(group, made, strict=True):
                standing = as_slot(tensor, away[slot])
                standing.__dict__["carrier"] = self._carrier
                self.table(slot)[slot.name] = standing
                if slot in own:
                    self.brought[slot] = standing

    def restore(self) -> None:
        """Put the module's own tensors back; no patch may stand on it."""
        self.stop()
        self._take_back()
        self.brought.clear()
        for slot, home in self.homes.items():
            self.table(slot)[slot.name] = home

    def let_go(self) -> None:
        """Have what was brought be the only copy of the tensors, as long as it is here."""
        if self._has_let_go or len(self.brought) < len(self.homes):
            return
        if not any(is_mapped(home) for home in self.homes.values()):
            for slot, tensor in self.brought.items():
                fill(self.homes[slot], tensor)
            self._has_let_go = True

    def _take_back(self) -> None:
        """Make the copies again that were let go of."""
        if not self._has_let_go:
            return
        for slot, tensor in self.brought.items():
            fill(self.homes[slot], tensor.detach().to(self._home_device, copy=True))
        self._has_let_go = False

    def stream(self, stream: Stream) -> None:
        """Have the module fetch its weights through a stream each time it computes."""
        self.send()
        self.is_streamed = True
        self.module.__dict__["forward"] = _Streamed(self, stream)

    def gather(self) -> None:
        """Have the module fetch the rows that it wants each time it is asked."""
        self.send()
        self.is_streamed = self.is_gathered = True
        self.module.__dict__["forward"] = _Gathered(self, self._tier)

    def stop(self) -> None:
        """Have the module compute in its own way again."""
        if self.is_streamed:
            self.module.__dict__.pop("forward", None)
            self.is_streamed = self.is_gathered = False

    def settle(self) -> None:
        """Have whatever a patch put on a streamed module wait like the rest."""
        if not self.is_streamed:
            return
        for slot in self.homes:
            present = self.table(slot)[slot.name]
            if present is not None and not isinstance(present, Away):
                self.table(slot)[slot.name] = as_slot(self.kept(present), present)

    def kept(self, made: Tensor) -> Tensor:
        """A tensor (any shape) that was made where the network computes, as this leaf keeps such.

        Streamed ones go to where the leaf's own wait, and so do those that find no room; others stay, in
        bytes that are counted.
        """
        block = None if self.is_streamed else self._block(packed_bytes([made]))
        if block is None:
            return Away(made.detach().to(self._home_device, copy=True), self._carrier)
        (tensor,), copies = laid_out(block, [made])
        for target, source in copies:
            target.copy_(source)
        return tensor

    def _block(self, size_bytes: int) -> Tensor | None:
        try:
            return self._tier.block(size_bytes) if self._tier.fits(size_bytes) else None
        except torch.OutOfMemoryError:
            return None

    def _path(self, slot: Slot) -> str:
        return f"{self.name}.{slot.name}" if self.name else slot.name

    def parcels(self) -> Sequence[Tensor]:
        """What waits now for the module, as the stream brings it."""
        return [
            present.home for slot in self.homes if isinstance(present := self.table(slot)[slot.name], Away)
        ]


class _Streamed:
    """The `forward` of a streamed leaf: that of its class, with weights that are lent for the time."""

    def __init__(self, leaf: Leaf, stream: Stream) -> None:
        self._leaf = leaf
        self._stream = stream

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaf = self._leaf
        module, stream = leaf.module, self._stream
        compute = type(module).forward
        if torch.is_grad_enabled():
            # Gradients may want the weights later, when the buffer holds others.
            return compute(module, *args, **kwargs)
        tables = [(leaf.table(slot), slot.name) for slot in leaf.homes]
        away = [(table, name, table[name]) for table, name in tables if isinstance(table[name], Away)]
        lent = stream.take(leaf)
        try:
            for (table, name, _), tensor in zip(away, lent, strict=True):
                table[name] = tensor
            return compute(module, *args, **kwargs)
        finally:
            for table, name, waiting in away:
                table[name] = waiting
            stream.give(leaf)


class _Gathered:
    """The `forward` of a large table: rows are looked up where it waits, and only they cross the border."""

    def __init__(self, leaf: Leaf, tier: Tier) -> None:
        self._leaf = leaf
        self._tier = tier

    def __call__(self, ids: Tensor) -> Tensor:
        module = self._leaf.module
        weight = module._parameters["weight"]
        if torch.is_grad_enabled() or not isinstance(weight, Away):
            looked_up: Tensor = type(module).forward(module, ids)
            return looked_up
        home = weight.home.detach()
        rows = nn.functional.embedding(ids.to(home.device), home)
        return _copied(rows, self._tier)


def find_leaves(network: nn.Module, tier: Tier) -> list[Leaf]:
    """The modules of a network that have tensors of their own, in the order of the network."""
    return [
        Leaf(name, module, tier)
        for name, module in network.named_modules()
        if any(True for _ in _slots(module))
    ]


def _slots(module: nn.Module) -> Iterator[tuple[Slot, Tensor]]:
    for table in ("_parameters", "_buffers"):
        for name, tensor in module.__dict__[table].items():
            if tensor is not None:
                yield Slot(table, name), tensor


def _computes_alone(module: nn.Module) -> bool:
    """Whether a module is the end of its branch and computes with its tensors itself."""
    return (
        not module._modules
        and "forward" not in module.__dict__
        and type(module).forward is not nn.Module.forward
    )


def _copied(tensor: Tensor, tier: Tier) -> Tensor:
    (copy,), copies = laid_out(tier.block(packed_bytes([tensor])), [tensor])
    tier.copy(copies)
    return copy


def _carrier(tier: Tier, leaf: Leaf) -> Carrier:
    """What the tensors of a leaf have with them; it does not hold the leaf, which holds them."""
    owner = weakref.ref(leaf)

    def keep(made: Tensor) -> Tensor:
        found = owner()
        return made if found is None else found.kept(made)

    return Carrier(tier.device, lambda home: _copied(home, tier), keep)
