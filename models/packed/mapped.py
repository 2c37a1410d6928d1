"""Remembers which tensors look into a mapped file instead of into memory of their own."""

import ctypes
import mmap
import weakref

from torch import Tensor

from models.packed.tensor import stored

# Where the memory begins of storages that are mapped, while they live.
_mapped: set[int] = set()
_WILL_NEED = 3


def mark_mapped(tensor: Tensor) -> None:
    """Say that a tensor (any shape), and with it all that share its memory, looks into a mapped file."""
    storage = tensor.untyped_storage()
    place = storage.data_ptr()
    _mapped.add(place)
    weakref.finalize(storage, _mapped.discard, place).atexit = False


def is_mapped(tensor: Tensor) -> bool:
    """Whether any of what a tensor (any shape, packed or not) is stored in is a mapped file."""
    return bool(_mapped) and any(part.untyped_storage().data_ptr() in _mapped for part in stored(tensor))


def read_ahead(tensor: Tensor) -> None:
    """Have the system read what a mapped tensor (any shape) looks at, in large pieces, while others work."""
    if not is_mapped(tensor):
        return
    for part in stored(tensor):
        begin = part.data_ptr() // mmap.PAGESIZE * mmap.PAGESIZE
        size = part.data_ptr() + part.numel() * part.element_size() - begin
        try:
            ctypes.CDLL(None).madvise(ctypes.c_void_p(begin), ctypes.c_size_t(size), _WILL_NEED)
        except (OSError, AttributeError):
            return
