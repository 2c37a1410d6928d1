"""Adds up what the base install puts on disk, torch left out: python -m benchmarks.install_size."""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements.txt"


def needed(names: list[str]) -> list[str]:
    """The packages and everything they need, without torch and what only torch needs."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found or name == "torch":
            continue
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        found[name] = None
        waiting += [re.split(r"[^\w.-]", text)[0] for text in requires if "extra ==" not in text]
    return sorted(found)


def sizes(name: str) -> tuple[int, int]:
    """Bytes of a package's files: as installed, and of the bytecode made from them."""
    plain = bytecode = 0
    for file in distribution(name).files or []:
        path = Path(str(file.locate()))
        if path.is_file():
            size = path.stat().st_size
            plain, bytecode = (plain, bytecode + size) if path.suffix == ".pyc" else (plain + size, bytecode)
    return plain, bytecode


def main() -> None:
    """Print a line a package, and the sum."""
    lines = [line.split("#")[0].strip() for line in REQUIREMENTS.read_text().splitlines()]
    rows = {name: sizes(name) for name in needed([line.partition("==")[0] for line in lines if line])}
    for name, (plain, bytecode) in rows.items():
        print(f"{name:20}{plain / 1e6:8.1f} MB{bytecode / 1e6:8.1f} MB of bytecode")
    totals = [sum(column) / 1e6 for column in zip(*rows.values(), strict=True)]
    print(f"{'all':20}{totals[0]:8.1f} MB{totals[1]:8.1f} MB of bytecode")


if __name__ == "__main__":
    main()
