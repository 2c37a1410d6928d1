"""Shows several weight files as one, each under a prefix."""

from collections.abc import Iterable, Iterator, Mapping

from torch import Tensor

from loaders.files import Copies, Shape, Weights, copies_nothing


class JoinedWeights(Weights):
    """The tensors of several files, named with a prefix each."""

    def __init__(self, parts: Mapping[str, Weights]) -> None:
        """Prefix -> file; the path is that of the first."""
        super().__init__(next(iter(parts.values())).path, {})
        self._places = {prefix + name: (part, name) for prefix, part in parts.items() for name in part}

    def __getitem__(self, name: str) -> Shape:
        part, inner = self._places[name]
        return part[inner]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def read_many(
        self, names: Iterable[str], copies: Copies = copies_nothing
    ) -> Iterator[tuple[str, Tensor]]:
        """Tensors with their names, file by file."""
        wanted: dict[int, dict[str, str]] = {}
        files: dict[int, Weights] = {}
        for name in names:
            part, inner = self._places[name]
            files[id(part)] = part
            wanted.setdefault(id(part), {})[inner] = name
        for key, inside in wanted.items():
            for inner, tensor in files[key].read_many(inside, copies):
                self.taken.add(inside[inner])
                yield inside[inner], tensor
