"""Which packs lie in the custom node folders, and what do they bring for the page? Nothing is imported."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

TEMPLATE_FOLDERS = ("example_workflows", "example", "examples", "workflow", "workflows")
WEB_FOLDERS = ("web", "js")
# Folders beside packs that belong to the app.
OWN_FOLDER = Path(__file__).resolve().parent.parent / "custom_nodes"
OWN_NAMES = frozenset({"host", "v1", "v3"})
_SURFACE = re.compile(rb"""["'`][^"'`\n]*/scripts/[\w/]+\.js|comfyAPI""")
_TRANSLATED = {"nodeDefs.json": "nodeDefs", "commands.json": "commands", "settings.json": "settings"}


@dataclass(frozen=True)
class Pack:
    """A folder in which somebody dropped nodes."""

    name: str
    root: Path

    @property
    def web_folder(self) -> Path | None:
        """The folder of its scripts."""
        return next((self.root / name for name in WEB_FOLDERS if (self.root / name).is_dir()), None)

    def template_folders(self) -> list[Path]:
        """The folders of its example workflows."""
        return [self.root / name for name in TEMPLATE_FOLDERS if (self.root / name).is_dir()]


def find_packs(folders: Iterable[Path]) -> list[Pack]:
    """The packs by name; hidden and disabled ones are left out."""
    packs: dict[str, Pack] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        for root in sorted(folder.iterdir()):
            hidden = root.name.startswith((".", "__")) or root.name.endswith(".disabled")
            is_own = root.name in OWN_NAMES and folder.resolve() == OWN_FOLDER
            if root.is_dir() and not hidden and not is_own:
                packs.setdefault(root.name, Pack(root.name, root))
    return [packs[name] for name in sorted(packs)]


def web_folders(reports: Iterable[Mapping[str, Any]], places: Iterable[Path]) -> dict[str, Path]:
    """The folders of scripts by pack: as loaded packs said, or by their usual names before any did."""
    told = list(reports)
    if not told:
        return {pack.name: folder for pack in find_packs(places) if (folder := pack.web_folder) is not None}
    return {
        str(report["name"]): Path(report["web_directory"])
        for report in told
        if report.get("web_directory") and report.get("error") is None
    }


def pack_scripts(name: str, folder: Path) -> Iterator[str]:
    """The addresses of a pack's scripts."""
    for script in sorted(folder.rglob("*.js")):
        yield f"/extensions/{quote(name)}/{quote(script.relative_to(folder).as_posix())}"


def uses_ecosystem(script: Path) -> bool:
    """Whether a script imports one of the modules that the ecosystem's pages have."""
    try:
        status = script.stat()
        return _uses_ecosystem(script, status.st_mtime_ns, status.st_size)
    except OSError:
        return False


@lru_cache(maxsize=4096)
def _uses_ecosystem(script: Path, _modified_ns: int, _size: int) -> bool:
    return _SURFACE.search(script.read_bytes()) is not None


def templates(packs: Iterable[Pack]) -> dict[str, list[str]]:
    """The names of the example workflows of each pack that has some."""
    found = {
        pack.name: [path.stem for folder in pack.template_folders() for path in sorted(folder.glob("*.json"))]
        for pack in packs
    }
    return {name: names for name, names in found.items() if names}


def translations(packs: Iterable[Pack]) -> dict[str, Any]:
    """The packs' translations by language, merged in the order of their names."""
    merged: dict[str, Any] = {}
    for pack in packs:
        for folder in sorted((pack.root / "locales").glob("*/")):
            language = merged.setdefault(folder.name, {})
            merge(language, _read_object(folder / "main.json"))
            for file, key in _TRANSLATED.items():
                if (folder / file).is_file():
                    merge(language, {key: _read_object(folder / file)})
    return merged


def merge(target: dict[str, Any], added: dict[str, Any]) -> None:
    """Put `added` into `target`: objects merge, arrays join, the rest is replaced."""
    for key, value in added.items():
        present = target.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            merge(present, value)
        elif isinstance(present, list) and isinstance(value, list):
            target[key] = present + value
        else:
            target[key] = value


def _read_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def subgraphs(packs: Iterable[Pack]) -> dict[str, tuple[dict[str, Any], Path]]:
    """The subgraph files of the packs: a stable id, what is told of it, and the file."""
    found: dict[str, tuple[dict[str, Any], Path]] = {}
    for pack in packs:
        for path in sorted((pack.root / "subgraphs").glob("*.json")):
            key = hashlib.sha256(f"custom_node{path}".encode()).hexdigest()
            about = {
                "source": "custom_node",
                "name": path.stem,
                "info": {"node_pack": f"custom_nodes.{pack.name}"},
            }
            found[key] = (about, path)
    return found
