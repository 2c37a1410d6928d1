"""Reads how strongly a LoRA works in each block of a UNet: numbers in a usual order, or blocks by name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BASE = "BASE"
_STEMS: Mapping[str, str] = {"IN": "input_blocks", "M": "middle_block", "OUT": "output_blocks"}
_BLOCK = re.compile(r"(IN|OUT)(\d{1,2})")


def _named(stem: str, numbers: Sequence[int]) -> list[str]:
    return [f"{stem}{number:02}" for number in numbers]


# What so many plain numbers are for: LoRA and LoCon of Stable Diffusion 1.x, then of XL.
ORDERS: Mapping[int, Sequence[str]] = {
    17: [BASE, *_named("IN", (1, 2, 4, 5, 7, 8)), "M00", *_named("OUT", range(3, 12))],
    26: [BASE, *_named("IN", range(12)), "M00", *_named("OUT", range(12))],
    12: [BASE, *_named("IN", (4, 5, 7, 8)), "M00", *_named("OUT", range(6))],
    20: [BASE, *_named("IN", range(9)), "M00", *_named("OUT", range(9))],
}


@dataclass(frozen=True)
class BlockWeights:
    """What the strength of a LoRA is multiplied by.

    Attributes:
        base: in text encoders, and in what belongs to no block.
        blocks: beginning of parameter names of a UNet -> in those.
    """

    base: float
    blocks: tuple[tuple[str, float], ...]


def read_block_weights(text: str) -> BlockWeights:
    """The weights that a text asks for; blocks that it does not name get 1.

    Args:
        text: numbers with commas between, 12, 17, 20 or 26 of them; or entries like `IN04=0.5`,
            `OUT03-OUT08=0`, `IN=0`, `M00=1`, `BASE=0.8`, of which later ones count more.

    Raises:
        ValueError: naming the entry that cannot be read.
    """
    entries = [entry.strip() for entry in re.split(r"[,;\n]", text) if entry.strip()]
    if entries and all("=" not in entry for entry in entries):
        weights = dict(zip(_order(entries), map(_number, entries), strict=True))
    else:
        weights = {}
        for entry in entries:
            names, _, number = entry.partition("=")
            weights |= dict.fromkeys(_expanded(names.strip().upper(), entry), _number(number))
    base = weights.pop(BASE, 1.0)
    everywhere = {"": base, **{f"{stem}.": 1.0 for stem in _STEMS.values()}} if base != 1.0 else {}
    return BlockWeights(base, tuple((everywhere | {_prefix(name): w for name, w in weights.items()}).items()))


def _order(entries: Sequence[str]) -> Sequence[str]:
    if len(entries) not in ORDERS:
        counts = ", ".join(map(str, sorted(ORDERS)))
        raise ValueError(f"{len(entries)} numbers are given for the blocks; it takes {counts}, or names")
    return ORDERS[len(entries)]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{text.strip()!r} is no number for a block") from error


def _expanded(names: str, entry: str) -> list[str]:
    """The blocks that a name or a range means."""
    if names in ("M", "MID", "M00"):
        return ["M00"]
    if names in (BASE, *_STEMS):
        return [names]
    first, _, last = names.partition("-")
    ends = _BLOCK.fullmatch(first), _BLOCK.fullmatch(last or first)
    if ends[0] is None or ends[1] is None or ends[0][1] != ends[1][1]:
        raise ValueError(
            f"{entry!r} names no block: write BASE, IN00 to IN11, M00, OUT00 to OUT11, or IN02-IN05"
        )
    return _named(ends[0][1], range(int(ends[0][2]), int(ends[1][2]) + 1))


def _prefix(name: str) -> str:
    if name == "M00" or name in _STEMS:
        return f"{_STEMS[name.removesuffix('00')]}."
    stem, number = name[:-2], int(name[-2:])
    return f"{_STEMS[stem]}.{number}."
