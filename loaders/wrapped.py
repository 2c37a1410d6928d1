"""Takes off what training programs put before the names of all weights when they wrap a network."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

# Data-parallel training and torch.compile.
_WRAPPERS = ("module.", "_orig_mod.")


def unwrapped(table: Mapping[str, T]) -> Mapping[str, T]:
    """A table by bare names, where each of its names starts with the same wrapper."""
    for wrapper in _WRAPPERS:
        if table and all(name.startswith(wrapper) and name != wrapper for name in table):
            return unwrapped({name[len(wrapper) :]: value for name, value in table.items()})
    return table
