"""What of a pack's report may leave this computer? Everything but where things lie on it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

APP = Path(__file__).resolve().parent.parent
# A path of at least two folders that nothing else stands before, up to the name of the file.
_ELSEWHERE = re.compile(r"""(?<![\w.:/<>~])/(?:[^\s/'"<>:,;()]+/)+(?=[^\s/'"<>:,;()])""")


def served(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report with names in place of absolute paths."""
    path = Path(report["path"])
    names = {str(path.parent): "custom_nodes", sys.prefix: "<python>", sys.base_prefix: "<python>"}
    names |= {str(APP): "<app>", str(Path.home()): "~"}
    known = sorted((text for text in names if len(text) > 1), key=len, reverse=True)

    def clean(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [clean(item) for item in value]
        if not isinstance(value, str):
            return value
        for text in known:
            name = names[text].replace("\\", r"\\")
            value = re.sub(re.escape(text) + r"(?=[/\\'\"\s:,;)]|$)", name, value)
        return _ELSEWHERE.sub(".../", value)

    return {key: clean(value) for key, value in report.items()}
