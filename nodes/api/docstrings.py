"""What a node's docstring says: a description, a sentence for each argument, one for what it returns."""

import inspect
import re
from dataclasses import dataclass, field

SECTIONS = ("Args:", "Returns:", "Raises:", "Example:", "Examples:", "Note:", "Notes:", "References:")
ENTRY = re.compile(r"^\*{0,2}(\w+)(?: \([^)]*\))?:\s*(.*)$")


@dataclass
class Documentation:
    """The parts of one docstring."""

    description: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    returns: str = ""


def read_docstring(text: str | None) -> Documentation:
    """The first paragraph, the `Args:` entries and the `Returns:` text of a docstring."""
    documentation = Documentation()
    if not text:
        return documentation
    lines = inspect.cleandoc(text).splitlines()
    description: list[str] = []
    for line in lines:
        if not line.strip() or line.strip() in SECTIONS:
            break
        description.append(line.strip())
    documentation.description = " ".join(description)
    documentation.arguments = _entries(_section(lines, "Args:"))
    documentation.returns = " ".join(line.strip() for line in _section(lines, "Returns:")).strip()
    return documentation


def _section(lines: list[str], title: str) -> list[str]:
    """The indented lines that follow a section title."""
    body: list[str] = []
    inside = False
    for line in lines:
        if not line.startswith(" ") and line.strip():
            inside = line.strip() == title
        elif inside:
            body.append(line)
    return body


def _entries(lines: list[str]) -> dict[str, str]:
    """`name: text` entries; deeper lines continue the entry above them."""
    filled = [line for line in lines if line.strip()]
    if not filled:
        return {}
    margin = min(len(line) - len(line.lstrip()) for line in filled)
    entries: dict[str, str] = {}
    name = ""
    for line in filled:
        text = line.strip()
        match = ENTRY.match(text) if len(line) - len(line.lstrip()) == margin else None
        if match:
            name = match.group(1)
            entries[name] = match.group(2)
        elif name:
            entries[name] = f"{entries[name]} {text}".strip()
    return entries
