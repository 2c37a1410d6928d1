"""Answers which model folders of other programs are searched too: those in `extra_model_paths.yaml`."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SETTINGS = ("base_path", "is_default")


class ExtraPathsError(Exception):
    """A file of extra model paths cannot be used; the text says which one and why."""


@dataclass(frozen=True)
class ExtraPaths:
    """Further folders per model key: those searched before the user's own, and those searched after."""

    before: dict[str, list[Path]] = field(default_factory=dict)
    after: dict[str, list[Path]] = field(default_factory=dict)


def read_extra_paths(files: Iterable[Path]) -> ExtraPaths:
    """What all these files name; raises `ExtraPathsError`."""
    found = ExtraPaths()
    for file in files:
        for section in _sections(file):
            base = section.get("base_path")
            root = file.parent if base is None else file.parent / _expanded(str(base))
            target = found.before if section.get("is_default") is True else found.after
            for key, value in section.items():
                if key not in SETTINGS:
                    paths = target.setdefault(key, [])
                    paths += (
                        _normal(root / _expanded(line)) for line in str(value).splitlines() if line.strip()
                    )
    return found


def _sections(file: Path) -> list[dict[str, Any]]:
    import yaml  # type: ignore[import-untyped]  # has no types; only those with such a file wait for it

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise ExtraPathsError(f"{file} cannot be read: {problem}") from problem
    if content is None:
        return []
    sections = content.values() if isinstance(content, Mapping) else [content]
    if not all(section is None or isinstance(section, dict) for section in sections):
        raise ExtraPathsError(f"{file} must hold sections with a folder for each kind of model")
    return [section for section in sections if section]


def _expanded(text: str) -> Path:
    return Path(os.path.expandvars(text.strip())).expanduser()


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path))
