"""Says where each parameter of a network is in a file: a table of names, made by rules that are data."""

import re
from collections.abc import Iterable, Mapping, Sequence

# Parameter name -> name in the file.
Sources = Mapping[str, str]


def strip(names: Iterable[str], prefix: str) -> dict[str, str]:
    """Parameters named as in the file, behind a prefix."""
    return {name[len(prefix) :]: name for name in names if name.startswith(prefix)}


def rename(sources: Sources, rules: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Parameters renamed by regular expressions; the first that matches at the start of a name is used."""
    compiled = [(re.compile(pattern), replacement) for pattern, replacement in rules]
    renamed = {}
    for name, source in sources.items():
        for pattern, replacement in compiled:
            if match := pattern.match(name):
                name = match.expand(replacement) + name[match.end() :]
                break
        renamed[name] = source
    return renamed


def without(sources: Sources, endings: tuple[str, ...]) -> dict[str, str]:
    """Parameters less those whose names end so."""
    return {name: source for name, source in sources.items() if not name.endswith(endings)}
