"""Keeps memory where copies to a device can start from without the processor, as much of it as a cap allows.

Pinned memory cannot be paged out, so it is capped; and it is pinned where it lies, so that nothing is held
twice (CUDA runtime API, cudaHostRegister).
"""

import logging
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import torch
from torch import Tensor

from models.host_memory import host_room
from models.packed.mapped import is_mapped
from models.packed.tensor import stored

logger = logging.getLogger(__name__)

PINNED_SHARE = 0.5
"""Of this computer's memory, at most so much is pinned."""
# cudaHostRegisterPortable: for every context.
_PORTABLE = 1

Storage = torch.UntypedStorage


class Pins:
    """What is pinned, for whom.

    A storage is pinned as a whole: tensors that were read from one file lie side by side in it.

    Attributes:
        cap_bytes: the most that is pinned at one time.
        pinned_bytes: what is pinned now.
    """

    def __init__(
        self,
        cap_bytes: int,
        register: Callable[[Storage], bool],
        unregister: Callable[[Storage], None],
    ) -> None:
        """Make an account.

        Args:
            cap_bytes: the most that is pinned at one time.
            register: pins a storage; whether it could.
            unregister: undoes that.
        """
        self.cap_bytes = cap_bytes
        self.pinned_bytes = 0
        self._register = register
        self._unregister = unregister
        self._pinned: dict[int, tuple[Storage, set[Hashable]]] = {}

    def pin(self, tensors: Iterable[Tensor], owner: Hashable) -> None:
        """Pin what tensors (any shape) on the processor are stored in, as far as the cap allows.

        Mapped files are left alone: to pin one is to read it all into memory that cannot be given up.
        """
        for part in (part for tensor in tensors for part in stored(tensor)):
            storage = part.untyped_storage()
            if part.device.type != "cpu" or not storage.nbytes() or is_mapped(part):
                continue
            known = self._pinned.get(storage.data_ptr())
            if known is not None:
                known[1].add(owner)
            elif self.pinned_bytes + storage.nbytes() <= self.cap_bytes and self._register(storage):
                self._pinned[storage.data_ptr()] = (storage, {owner})
                self.pinned_bytes += storage.nbytes()

    def release(self, owner: Hashable) -> None:
        """Let go of what is pinned for nobody but this owner."""
        for place, (storage, owners) in list(self._pinned.items()):
            owners.discard(owner)
            if not owners:
                del self._pinned[place]
                self._unregister(storage)
                self.pinned_bytes -= storage.nbytes()

    def is_pinned(self, tensor: Tensor) -> bool:
        """Whether all that a tensor (any shape) is stored in is pinned."""
        return all(part.untyped_storage().data_ptr() in self._pinned for part in stored(tensor))


def pins_for(device: torch.device, ram_bytes: int | None = None) -> Pins:
    """The account for a device: half of the memory that this process may have, and nothing but for CUDA.

    Args:
        device: what copies go to.
        ram_bytes: what this process may have at most, or None for what there is.
    """
    if device.type != "cuda":
        return no_pins()
    return Pins(int(host_room(ram_bytes).total * PINNED_SHARE), _register_for_cuda, _unregister_for_cuda)


def no_pins() -> Pins:
    """An account that pins nothing."""
    return Pins(0, lambda storage: False, lambda storage: None)


def _register_for_cuda(storage: Storage) -> bool:
    # What torch pinned itself needs nothing.
    if storage.is_pinned():
        return False
    runtime: Any = torch.cuda.cudart()
    code = runtime.cudaHostRegister(storage.data_ptr(), storage.nbytes(), _PORTABLE)
    if int(code) != 0:
        logger.debug("%d bytes cannot be pinned: error %d", storage.nbytes(), int(code))
    return int(code) == 0


def _unregister_for_cuda(storage: Storage) -> None:
    # Copies that were started from it must be over.
    torch.cuda.synchronize()
    runtime: Any = torch.cuda.cudart()
    runtime.cudaHostUnregister(storage.data_ptr())
