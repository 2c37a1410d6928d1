"""Says what can be wrong with a model file: not known at all, or known but unusable."""

import re
from pathlib import Path

from nodes.api.errors import NodeError

# What stands in the name of one of several files that hold a network together.
SHARD = re.compile(r"-\d{5}-of-\d{5}")
_OPEN_INDEX = "(By its name it is one of several files: open the index that is beside them.)"


class UnknownFormat(NodeError):  # noqa: N818 - named as the thing it reports
    """A readable file that no family claims."""

    def __init__(self, path: Path, expected: str, tried: list[str], names: list[str]) -> None:
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        lines = [f"{path.name} is not {expected}.", *tried, *_hints(path), f"It holds {shown or 'nothing'}."]
        super().__init__(" ".join(lines))
        self.path = path
        self.tried = tried


class BrokenFile(NodeError):  # noqa: N818 - named as the thing it reports
    """A file of a known kind that cannot be used: damaged, incomplete or refused."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(" ".join([f"{path.name} cannot be used: {problem}", *_hints(path)]))
        self.path = path
        self.problem = problem


def _hints(path: Path) -> list[str]:
    return [_OPEN_INDEX] if SHARD.search(path.name) else []
