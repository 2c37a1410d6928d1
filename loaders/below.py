"""Shows the tensors of a file under a prefix as if they were a file of their own."""

from collections.abc import Iterable, Iterator

from torch import Tensor

from loaders.files import Copies, Shape, Weights, copies_nothing


class WeightsBelow(Weights):
    """The part of a file whose names start so, without that start."""

    def __init__(self, weights: Weights, prefix: str) -> None:
        super().__init__(weights.path, weights.metadata)
        self._weights, self._prefix = weights, prefix

    def __getitem__(self, name: str) -> Shape:
        return self._weights[self._prefix + name]

    def __iter__(self) -> Iterator[str]:
        start = len(self._prefix)
        return (name[start:] for name in self._weights if name.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def read_many(
        self, names: Iterable[str], copies: Copies = copies_nothing
    ) -> Iterator[tuple[str, Tensor]]:
        """Tensors with their names, as the whole file gives them."""
        for name, tensor in self._weights.read_many([self._prefix + name for name in names], copies):
            self.taken.add(name[len(self._prefix) :])
            yield name[len(self._prefix) :], tensor
