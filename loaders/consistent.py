"""Says in a sentence what is wrong where the sizes of a network cannot be read from a file's shapes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loaders.errors import BrokenFile


@contextmanager
def consistent(path: Path) -> Iterator[None]:
    """Names the file where a tensor that tells a size is missing, or its shape is none that a network has.

    Raises:
        BrokenFile: in the place of what such a tensor leads to.
    """
    try:
        yield
    except KeyError as error:
        raise BrokenFile(path, f"{error.args[0]} is missing") from error
    except (IndexError, TypeError, ValueError, ZeroDivisionError, StopIteration) as error:
        told = f"{type(error).__name__}: {error}"[:200]
        raise BrokenFile(path, f"the shapes of its tensors do not go together ({told})") from error
