"""Reads the change to one weight from the tensors a file has under one stem, whatever its kind."""

from collections.abc import Callable, Collection

from torch import Tensor

from loaders.lora_dialects.layout import Target
from models.adapters.weights import (
    Added,
    Delta,
    Difference,
    Hadamard,
    Kronecker,
    LowRank,
    Product,
    Replacement,
)

# Endings of the two factors, the later one first, and of the core between them where there may be one.
_FACTORS = (
    (".lora_up.weight", ".lora_down.weight", ".lora_mid.weight"),
    ("_lora.up.weight", "_lora.down.weight", None),
    (".lora_B.weight", ".lora_A.weight", None),
    (".lora.up.weight", ".lora.down.weight", None),
    (".lora_B", ".lora_A", None),
    (".lora_linear_layer.up.weight", ".lora_linear_layer.down.weight", None),
    (".lora_B.default.weight", ".lora_A.default.weight", None),
)


class Stem:
    """The tensors of one stem, which are noted as they are read."""

    def __init__(self, stem: str, names: Collection[str], read: Callable[[str], Tensor]) -> None:
        self.stem = stem
        self.used: set[str] = set()
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

    def alpha(self) -> float | None:
        """The number that scales the product."""
        value = self.optional(".alpha")
        return None if value is None else float(value.flatten()[0])


def read_deltas(stem: Stem, target: Target) -> dict[Target, Delta]:
    """What the tensors of a stem change: the weight itself, and perhaps its bias."""
    deltas: dict[Target, Delta] = {}
    product = _low_rank(stem) or _hadamard(stem) or _kronecker(stem)
    if product is not None:
        deltas[target] = Added(product, stem.optional(".dora_scale"))
    for ending in (".diff", ".w_norm"):
        if stem.has(ending):
            deltas[target] = Difference(stem.tensor(ending))
    bias = Target(target.part, target.parameter.removesuffix("weight") + "bias")
    for ending in (".diff_b", ".b_norm"):
        if stem.has(ending):
            deltas[bias] = Difference(stem.tensor(ending))
    if stem.has(".set_weight"):
        deltas[target] = Replacement(stem.tensor(".set_weight"))
    return deltas


def _low_rank(stem: Stem) -> Product | None:
    for up, down, mid in _FACTORS:
        if stem.has(up, down):
            return LowRank(stem.tensor(up), stem.tensor(down), stem.optional(mid), stem.alpha())
    return None


def _hadamard(stem: Stem) -> Product | None:
    if not stem.has(".hada_w1_a", ".hada_w1_b", ".hada_w2_a", ".hada_w2_b"):
        return None
    cores = (stem.tensor(".hada_t1"), stem.tensor(".hada_t2")) if stem.has(".hada_t1", ".hada_t2") else None
    return Hadamard(
        (stem.tensor(".hada_w1_a"), stem.tensor(".hada_w1_b")),
        (stem.tensor(".hada_w2_a"), stem.tensor(".hada_w2_b")),
        cores,
        stem.alpha(),
    )


def _kronecker(stem: Stem) -> Product | None:
    first, second = _side(stem, ".lokr_w1"), _side(stem, ".lokr_w2")
    if first is None or second is None:
        return None
    core = stem.optional(".lokr_t2") if len(second) == 2 else None
    return Kronecker(first, second, core, stem.alpha())


def _side(stem: Stem, name: str) -> tuple[Tensor, ...] | None:
    if stem.has(name):
        return (stem.tensor(name),)
    if stem.has(f"{name}_a", f"{name}_b"):
        return (stem.tensor(f"{name}_a"), stem.tensor(f"{name}_b"))
    return None
