"""Reads parameters of a network again from the file it came from, with all the bits that the file has."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from loaders.errors import BrokenFile
from loaders.files import Weights
from loaders.opening import open_weights

Stamp = tuple[tuple[str, int, int], ...]
_WEIGHTS = (".safetensors", ".sft", ".bin", ".pt", ".pth", ".ckpt")


class FileNumbers:
    """The parameters of one network that are kept in another number type than their file has.

    Nothing is held but names: the file is opened when a parameter is wanted.
    """

    def __init__(self, path: Path, sources: Mapping[str, str], dtypes: Mapping[str, torch.dtype]) -> None:
        """A file, where parameters are in it, and the types in which it has those that are kept in others."""
        self._path = path
        self._sources = {name: sources[name] for name in dtypes}
        self._dtypes = dict(dtypes)
        self._stamp = _stamp(path)

    @property
    def is_there(self) -> bool:
        """Whether the file is still what it was."""
        return _stamp(self._path) == self._stamp

    def dtype(self, name: str) -> torch.dtype | None:
        """The number type in which the file has a parameter; None where that is the one that is kept."""
        return self._dtypes.get(name)

    def read(self, name: str) -> Tensor | None:
        """A parameter (any shape) as the file has it; None if the file is not what it was."""
        if name not in self._sources or not self.is_there:
            return None
        try:
            weights = _opened(self._path, self._stamp)
        except BrokenFile:
            return None
        source = self._sources[name]
        return weights.read(source) if source in weights else None


@lru_cache(maxsize=4)
def _opened(path: Path, stamp: Stamp) -> Weights:
    del stamp  # another file under the same name is another one
    return open_weights(path)


def _stamp(path: Path) -> Stamp:
    """When the files of weights at a path were written, and how large they are."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in _WEIGHTS)
    else:
        files = [path] if path.suffix != ".json" else sorted(path.parent.glob("*"))
    found = []
    for file in files:
        try:
            facts = file.stat()
        except OSError:
            continue
        found.append((str(file), facts.st_mtime_ns, facts.st_size))
    return tuple(found)
