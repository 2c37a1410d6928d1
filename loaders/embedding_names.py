"""Which file does `embedding:name` mean?"""

from collections.abc import Iterable
from pathlib import Path

ENDINGS = ("", ".safetensors", ".pt", ".bin")


def match_embedding(listed: Iterable[str], name: str) -> str | None:
    """The listed file that a name stands for, in the folder or any below it, with or without its ending."""
    wanted = Path(name.replace("\\", "/"))
    if not name or wanted.is_absolute() or ".." in wanted.parts:
        return None
    files = sorted(listed, key=lambda other: (len(Path(other).parts), other))
    for ending in ENDINGS:
        tail = Path(wanted.as_posix() + ending).parts
        for other in files:
            if Path(other).parts[-len(tail) :] == tail:
                return other
    return None
