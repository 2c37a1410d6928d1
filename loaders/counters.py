"""Which number does the next saved file get? Remembered, so that a full folder is looked at once."""

import os
import threading
from pathlib import Path


class Counters:
    """The highest numbers of saved files by folder and name; safe on any thread.

    Others may save into the same folder: a file is created only if there is none of its name.
    """

    def __init__(self) -> None:
        self._highest: dict[tuple[Path, str], int] = {}
        self._lock = threading.Lock()

    def create(self, folder: Path, stem: str, ending: str) -> str:
        """Create the next file `stem_00001_.ending`, empty; returns its name. Raises OSError.

        Its number is higher than that of any file `stem_NUMBER_...` that was there when one was first saved,
        or was saved since; gaps are not filled.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        while True:
            filename = f"{stem}_{self._take(folder, stem):05}_.{ending}"
            try:
                os.close(os.open(folder / filename, flags, 0o666))
            except FileExistsError:
                continue
            return filename

    def _take(self, folder: Path, stem: str) -> int:
        key = folder, os.path.normcase(stem)
        with self._lock:
            if key not in self._highest:
                self._highest[key] = highest_number(folder, stem)
            self._highest[key] += 1
            return self._highest[key]


def highest_number(folder: Path, stem: str) -> int:
    """The highest number of `stem_NUMBER_...` in a folder, 0 where there is none; raises OSError."""
    start = f"{os.path.normcase(stem)}_"
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    if os.path.normcase("A") != "A":
        names = [os.path.normcase(name) for name in names]
    parts = (name[len(start) :].partition("_") for name in names if name.startswith(start))
    numbers = (digits for digits, mark, _ in parts if mark)
    return max((int(digits[:18]) for digits in numbers if digits.isdecimal() and digits.isascii()), default=0)
