"""Shows a file of quantised weights as if it held the weights themselves: names, shapes, packed numbers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from torch import Tensor

from loaders.consistent import consistent
from loaders.errors import BrokenFile
from loaders.files import Copies, Shape, Weights, copies_nothing
from loaders.identify.quantised import refused
from loaders.quantised import bitsandbytes, marked, quanto, torchao
from loaders.quantised.entry import Entry, Found

_DIALECTS = (torchao.find, bitsandbytes.find, quanto.find, marked.find)


class QuantisedWeights(Weights):
    """A file in which weights stand in several tensors each, shown under the names of the weights."""

    def __init__(self, weights: Weights, found: Sequence[Found]) -> None:
        super().__init__(weights.path, weights.metadata)
        self.taken = weights.taken
        self._weights = weights
        self._entries: Mapping[str, Entry] = {
            name: entry for one in found for name, entry in one.entries.items()
        }
        parts = {source for entry in self._entries.values() for source in entry.sources.values()}
        self._hidden = parts.union(*(one.beside for one in found)) - set(self._entries)

    def __getitem__(self, name: str) -> Shape:
        entry = self._entries.get(name)
        if entry is None and name in self._hidden:
            raise KeyError(name)
        return self._weights[name] if entry is None else entry.shape

    def __iter__(self) -> Iterator[str]:
        yield from (name for name in self._weights if name not in self._hidden)
        yield from (name for name in self._entries if name not in self._weights)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def read_many(
        self, names: Iterable[str], copies: Copies = copies_nothing
    ) -> Iterator[tuple[str, Tensor]]:
        """Tensors with their names: plain ones, then packed ones."""
        wanted = list(names)
        yield from self._weights.read_many([name for name in wanted if name not in self._entries], copies)
        packed = {name: self._entries[name] for name in wanted if name in self._entries}
        beside = [
            source
            for entry in packed.values()
            for part, source in entry.sources.items()
            if part != "data" and not entry.converts
        ]
        small = dict(self._weights.read_many(beside))
        of_data = {entry.sources["data"]: name for name, entry in packed.items() if not entry.converts}
        for source, data in self._weights.read_many(of_data):
            entry = packed[of_data[source]]
            parts = {part: data if part == "data" else small[one] for part, one in entry.sources.items()}
            self.taken.add(of_data[source])
            yield of_data[source], self._put_together(of_data[source], parts)
        for name, entry in packed.items():
            if entry.converts:
                read = dict(self._weights.read_many(entry.sources.values()))
                self.taken.add(name)
                parts = {part: read[source] for part, source in entry.sources.items()}
                yield name, self._put_together(name, parts)

    def _put_together(self, name: str, parts: Mapping[str, Tensor]) -> Tensor:
        """A weight of its parts; where some were left in the file, all count as left there."""
        if any(part.is_meta for part in parts.values()):
            parts = {part: tensor.to("meta") for part, tensor in parts.items()}
        try:
            return self._entries[name].make(parts)
        except (ValueError, RuntimeError, KeyError, TypeError, IndexError, ZeroDivisionError) as error:
            raise BrokenFile(self.path, f"{name} cannot be put together: {error}"[:300]) from error


def shown(weights: Weights) -> Weights:
    """A file as it is, or with its quantised weights under their own names.

    Raises:
        BrokenFile: for kinds of quantisation that are known but cannot be opened, and for damaged ones.
    """
    if problem := refused(weights):
        raise BrokenFile(weights.path, problem)
    with consistent(weights.path):
        found = [one for find in _DIALECTS if (one := find(weights)).entries]
    return QuantisedWeights(weights, found) if found else weights
