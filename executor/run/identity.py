"""Texts for values that are not JSON, which nodes put into the graphs they add."""

import secrets
from typing import Any

from executor.run.digests import digest


class Identities:
    """Gives equal values equal texts where telling is cheap, and each other object a text of its own.

    Objects with a text of their own are kept alive, so that no other object takes their place.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, str]] = {}

    def describe(self, value: Any) -> str:
        """The text of a value."""
        text = digest(value)
        if text is not None:
            return text
        if id(value) not in self._known:
            self._known[id(value)] = (value, f"object {secrets.token_hex(16)}")
        return self._known[id(value)][1]
