"""Which sockets fit: names, comma unions, the type that fits all, and type variables."""

from functools import lru_cache

from nodes.api.spec import NodeSpec

ANY = "*"
ANYTHING = frozenset({ANY, "COMFY_MATCHTYPE_V3"})
"""Type names that fit all others; pages tie the second kind to what is linked first."""


@lru_cache(maxsize=4096)
def is_compatible(received: str, wanted: str) -> bool:
    """Whether an output of type `received` may be linked to an input of type `wanted`.

    Names are compared without case; "IMAGE,MASK" is either of the two; "*" fits everything.
    """
    if received == wanted:
        return True
    left, right = members(received), members(wanted)
    return not (left.isdisjoint(ANYTHING) and right.isdisjoint(ANYTHING) and left.isdisjoint(right))


@lru_cache(maxsize=4096)
def members(type_name: str) -> frozenset[str]:
    """The single types that a type name stands for; an empty name stands for any."""
    names = frozenset(part.strip().upper() for part in type_name.split(",")) - {""}
    return names or frozenset({ANY})


class Bindings:
    """What the type variables of one instance stand for, learned from its links."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def wanted(self, variable: str | None, declared: str) -> str:
        """The type an input accepts now."""
        return self.known.get(variable, declared) if variable else declared

    def learn(self, variable: str | None, received: str) -> None:
        """Remember the first definite type that was linked to a variable."""
        if variable and ANY not in members(received):
            self.known.setdefault(variable, received)

    def outputs(self, spec: NodeSpec) -> tuple[str, ...]:
        """The output types of the instance."""
        return tuple(self.wanted(entry.type_variable, entry.type) for entry in spec.outputs)
