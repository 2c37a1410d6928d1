"""Reads the change to one weight from the tensors a file has under one stem, whatever its kind.

Where a stem has several kinds, the later of the table in `_KINDS` counts, and a whole weight or difference
counts more than any of them, as in the ecosystem.
"""

from collections.abc import Callable, Collection

from torch import Tensor

from loaders.lora_dialects.layout import Target
from models.adapters.deltas import Added, Delta, Difference, Magnitude, Replacement
from models.adapters.products import Hadamard, Kronecker, LowRank, Product, RowShare
from models.adapters.relative import Multiplied, WithItself
from models.adapters.rotations import Butterfly, Rotated

# Endings of the two factors, the later one first, and of the core between them where there may be one.
FACTORS = (
    (".lora_up.weight", ".lora_down.weight", ".lora_mid.weight"),
    ("_lora.up.weight", "_lora.down.weight", None),
    (".lora_B.weight", ".lora_A.weight", None),
    (".lora.up.weight", ".lora.down.weight", None),
    (".lora_B", ".lora_A", None),
    (".lora_linear_layer.up.weight", ".lora_linear_layer.down.weight", None),
    (".lora_B.default.weight", ".lora_A.default.weight", None),
)
_PEFT_NORMS = (
    ".lora_magnitude_vector",
    ".lora_magnitude_vector.weight",
    ".lora_magnitude_vector.default.weight",
)


class Stem:
    """The tensors of one stem, which are noted as they are read.

    Attributes:
        stem: what their names begin with.
        used: the names of those that were read.
        stated_alpha: the alpha that the file states beside its tensors, for stems without one.
    """

    def __init__(
        self,
        stem: str,
        names: Collection[str],
        read: Callable[[str], Tensor],
        stated_alpha: float | None = None,
    ) -> None:
        self.stem = stem
        self.used: set[str] = set()
        self.stated_alpha = stated_alpha
        self._names = names
        self._read = read

    def has(self, *endings: str) -> bool:
        """Whether there are tensors with all of these endings."""
        return all(self.stem + ending in self._names for ending in endings)

    def tensor(self, ending: str) -> Tensor:
        """The tensor with an ending."""
        self.used.add(self.stem + ending)
        return self._read(self.stem + ending)

    def optional(self, ending: str | None) -> Tensor | None:
        """The tensor with an ending, if there is one."""
        return self.tensor(ending) if ending is not None and self.has(ending) else None

    def number(self, ending: str) -> float | None:
        """The one number of a tensor with an ending, if there is one."""
        value = self.optional(ending)
        return None if value is None or value.numel() == 0 else float(value.flatten()[0])

    def alpha(self) -> float | None:
        """The number that scales the product."""
        found = self.number(".alpha")
        return self.stated_alpha if found is None else found


def read_deltas(stem: Stem, target: Target) -> dict[Target, Delta]:
    """What the tensors of a stem change: the parameter meant, and perhaps the bias beside it."""
    deltas: dict[Target, Delta] = {}
    for read in _KINDS:
        delta = read(stem, target)
        if delta is not None:
            deltas[target] = delta
    bias = target.beside("bias")
    for ending in (".diff_b", ".b_norm", ".lora_B.bias"):
        if bias is not None and stem.has(ending):
            deltas[bias] = Difference(_share(stem.tensor(ending), bias))
    return deltas


def _low_rank(stem: Stem, target: Target) -> Delta | None:
    for up, down, mid in FACTORS:
        if stem.has(up, down):
            product = LowRank(stem.tensor(up), stem.tensor(down), stem.optional(mid), stem.alpha())
            return _added(stem, target, product)
    return None


def _hadamard(stem: Stem, target: Target) -> Delta | None:
    if not stem.has(".hada_w1_a", ".hada_w1_b", ".hada_w2_a", ".hada_w2_b"):
        return None
    cores = (stem.tensor(".hada_t1"), stem.tensor(".hada_t2")) if stem.has(".hada_t1", ".hada_t2") else None
    product = Hadamard(
        (stem.tensor(".hada_w1_a"), stem.tensor(".hada_w1_b")),
        (stem.tensor(".hada_w2_a"), stem.tensor(".hada_w2_b")),
        cores,
        stem.alpha(),
    )
    return _added(stem, target, product)


def _kronecker(stem: Stem, target: Target) -> Delta | None:
    first, second = _side(stem, ".lokr_w1"), _side(stem, ".lokr_w2")
    if first is None or second is None:
        return None
    core = stem.optional(".lokr_t2") if len(second) == 2 else None
    return _added(stem, target, Kronecker(first, second, core, stem.alpha()))


def _side(stem: Stem, name: str) -> tuple[Tensor, ...] | None:
    if stem.has(name):
        return (stem.tensor(name),)
    if stem.has(f"{name}_a", f"{name}_b"):
        return (stem.tensor(f"{name}_a"), stem.tensor(f"{name}_b"))
    return None


def _with_itself(stem: Stem, target: Target) -> Delta | None:
    names = (".a1.weight", ".a2.weight", ".b1.weight", ".b2.weight")
    if target.share is not None or not stem.has(*names):
        return None
    a1, a2, b1, b2 = factors = [stem.tensor(name) for name in names]
    if min(factor.ndim for factor in factors) < 2:
        return None
    magnitude = _magnitude(stem, target)
    is_old = b2.shape[1] == b1.shape[0] == a1.shape[0] == a2.shape[1]
    is_new = b2.shape[0] == b1.shape[1] == a1.shape[1] == a2.shape[0]
    # For a square weight both look right: then the rank, which is the smaller size, tells.
    if is_old and not (is_new and a2.shape[0] < a2.shape[1]):
        return WithItself(a2, a1, LowRank(b2, b1), stem.alpha(), flat=True, magnitude=magnitude)
    product = LowRank(b1, b2, stem.optional(".bm.weight"))
    return WithItself(a1, a2, product, stem.alpha(), magnitude=magnitude)


def _rotated(stem: Stem, target: Target) -> Delta | None:
    if target.share is not None or not stem.has(".oft_blocks"):
        return None
    blocks = stem.tensor(".oft_blocks")
    limit, scale = stem.number(".alpha") or 0.0, stem.optional(".rescale")
    if blocks.ndim == 4:
        return Butterfly(blocks, limit, scale)
    return Rotated(blocks, limit) if blocks.ndim == 3 else None


def _multiplied(stem: Stem, target: Target) -> Delta | None:
    if target.share is not None or not stem.has(".weight", ".on_input"):
        return None
    return Multiplied(stem.tensor(".weight"), bool(stem.number(".on_input")))


def _difference(stem: Stem, target: Target) -> Delta | None:
    found = [ending for ending in (".diff", ".w_norm") if stem.has(ending)]
    return Difference(_share(stem.tensor(found[-1]), target)) if found else None


def _replacement(stem: Stem, target: Target) -> Delta | None:
    return Replacement(_share(stem.tensor(".set_weight"), target)) if stem.has(".set_weight") else None


_KINDS: tuple[Callable[[Stem, Target], Delta | None], ...] = (
    _low_rank,
    _hadamard,
    _kronecker,
    _with_itself,
    _rotated,
    _multiplied,
    _difference,
    _replacement,
)


def _added(stem: Stem, target: Target, product: Product) -> Delta:
    """A product with what may go along with it."""
    if target.share is not None:
        product = RowShare(product, *target.share)
    shape = stem.optional(".reshape_weight")
    grown = None if shape is None else tuple(int(size) for size in shape.flatten())
    return Added(product, _magnitude(stem, target), grown)


def _magnitude(stem: Stem, target: Target) -> Magnitude | None:
    norms = stem.optional(".dora_scale")
    if norms is not None:
        return Magnitude(_share(norms, target))
    for ending in _PEFT_NORMS:
        if stem.has(ending):
            return Magnitude(_share(stem.tensor(ending).reshape(-1, 1), target), of_changed=True)
    return None


def _share(tensor: Tensor, target: Target) -> Tensor:
    """The rows of a tensor (rows, ...) that are for a parameter; all where they cannot be shared."""
    if target.share is None:
        return tensor
    index, count = target.share
    return tensor.chunk(count)[index] if tensor.ndim and tensor.shape[0] % count == 0 else tensor
