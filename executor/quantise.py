"""What does the command that writes models with fewer bits do, and with which exit code does it end?"""

import sys
from pathlib import Path

from tqdm import tqdm

from executor.headless import ExitCode, complain
from executor.session_output import write_line
from loaders.quantise import quantise
from nodes.api.errors import NodeError


def run(source: Path, target: Path | None, kind: str) -> ExitCode:
    """Write a model file in a type, beside it where no other place is given, and say what came of it."""
    place = target or source.with_name(f"{source.stem}-{kind}.gguf")
    if place.exists():
        return complain(f"{place} is there already; name another file with --output", ExitCode.USAGE)
    # No bar where nobody would see it.
    with tqdm(file=sys.stderr, unit="tensor", leave=False, disable=None) as bar:

        def tell(count: int, total: int) -> None:
            bar.total = total
            bar.update(count - bar.n)

        try:
            made = quantise(source, place, kind, tell)
        except (NodeError, ValueError) as problem:
            return complain(problem, ExitCode.FAILURE)
        except OSError as problem:
            return complain(f"cannot write {place}: {problem.strerror}", ExitCode.FAILURE)
        except KeyboardInterrupt:
            return complain("stopped; nothing is written", ExitCode.CANCELLED)
    sizes = f"{made.size_bytes / 1e6:.1f} MB, which in 16 bits are {made.was_bytes / 1e6:.1f} MB"
    write_line(f"{place}: {made.title}, {sizes}; {made.packed} tensors in {kind}, {made.plain} in more bits")
    return ExitCode.SUCCESS
