"""Shows the tensors of a file as other tensors made from them: thirds of fused matrices, transposed ones."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from loaders.files import Copies, Shape, Weights, copies_nothing
from models.packed.tensor import Packed


@dataclass(frozen=True)
class Piece:
    """A tensor made from one of a file.

    Attributes:
        source: name of the file's tensor.
        part: which of `parts` equal slices of its rows.
        parts: how many of them there are.
        transposed: whether its two axes are swapped.
    """

    source: str
    part: int = 0
    parts: int = 1
    transposed: bool = False

    def of(self, tensor: Tensor) -> Tensor:
        """The piece of the source tensor (any shape), sharing its memory where it can."""
        rows = tensor.shape[0] // self.parts
        first, last = self.part * rows, (self.part + 1) * rows
        if isinstance(tensor, Packed):
            if not self.transposed and (part := tensor.rows(first, last)) is not None:
                return part
            tensor = tensor.unpacked()
        sliced = tensor[first:last]
        return sliced.T if self.transposed else sliced

    def shape(self, source: Shape) -> Shape:
        """The shape of the piece of a source of some shape."""
        sliced = (source[0] // self.parts, *source[1:])
        return sliced[::-1] if self.transposed else sliced


class DerivedWeights(Weights):
    """A file with more tensors: pieces of its own, under names that it does not have."""

    def __init__(self, weights: Weights, pieces: Mapping[str, Piece]) -> None:
        super().__init__(weights.path, weights.metadata)
        self.taken = weights.taken
        self._weights = weights
        self._pieces = pieces

    def __getitem__(self, name: str) -> Shape:
        if name not in self._pieces:
            return self._weights[name]
        piece = self._pieces[name]
        return piece.shape(self._weights[piece.source])

    def __iter__(self) -> Iterator[str]:
        yield from self._weights
        yield from self._pieces

    def __len__(self) -> int:
        return len(self._weights) + len(self._pieces)

    def read_many(
        self, names: Iterable[str], copies: Copies = copies_nothing
    ) -> Iterator[tuple[str, Tensor]]:
        """Tensors with their names; each tensor of the file is read once, however many pieces it gives."""
        wanted: dict[str, list[tuple[str, Piece]]] = {}
        for name in names:
            piece = self._pieces.get(name, Piece(name))
            wanted.setdefault(piece.source, []).append((name, piece))
        for source, tensor in self._weights.read_many(wanted, copies):
            for name, piece in wanted[source]:
                if name == source:
                    yield name, tensor
                else:
                    made = piece.of(tensor)
                    is_kept = isinstance(made, Packed) or copies(tensor.dtype)
                    yield name, made if is_kept else made.clone(memory_format=torch.contiguous_format)
