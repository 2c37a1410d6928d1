"""Answers which controls of the positive prompts hold for the others too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schedulers.conditioning import Entry

POSITIVE = "positive"


def share(placed: Mapping[str, list[Entry]]) -> None:
    """Give the other lists what the positive prompts have: controls that say so, and boxes of texts.

    Only entries without an area give and take, and a list in which one has its own takes nothing. What
    several give goes round the takers; the last one stays.
    """
    givers = placed.get(POSITIVE, [])
    controls = [_held(entry, "control") for entry in givers if entry.extra.get("control_apply_to_uncond")]
    boxes = [_held(entry, "gligen") for entry in givers]
    for name, entries in placed.items():
        if name != POSITIVE:
            _hand_on("control", controls, entries)
            _hand_on("gligen", boxes, entries)


def _held(entry: Entry, key: str) -> Any:
    return None if entry.area is not None else entry.extra.get(key)


def _hand_on(key: str, given: Sequence[Any], entries: list[Entry]) -> None:
    takers = [index for index, entry in enumerate(entries) if entry.area is None]
    if not takers or any(entries[index].extra.get(key) for index in takers):
        return
    for number, value in enumerate(value for value in given if value):
        index = takers[number % len(takers)]
        entries[index] = replace(entries[index], extra={**entries[index].extra, key: value})
