"""Which files in the folder for previews does nobody look at any more?"""

import logging
import time
from pathlib import Path

logger = logging.getLogger(__name__)

KEPT_SECONDS = 24 * 60 * 60


def remove_old(folder: Path, kept_seconds: float = KEPT_SECONDS) -> int:
    """Remove the files of a folder that are older than a day; links are not followed. Returns how many."""
    oldest = time.time() - kept_seconds
    removed = 0
    for path in sorted(folder.rglob("*"), reverse=True):
        try:
            if path.is_dir() and not path.is_symlink():
                continue
            if path.lstat().st_mtime < oldest:
                path.unlink()
                removed += 1
        except OSError as problem:
            logger.info("%s stays: %s", path, problem)
    return removed
