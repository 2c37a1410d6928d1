"""Results by what their inputs held: another way to equal inputs leads to the same result.

A lazy input that a node did not want is no part of its result. What it wants follows from the inputs it has
by then, so what it wanted once is what it wants when those come again: a change behind an input that is not
wanted makes nothing run.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from executor.run.drive import Drive
    from executor.run.frames import Frame

MOST_WISHES = 20_000


class Wishes:
    """The lazy inputs that nodes wanted, by the content of what they had then."""

    def __init__(self) -> None:
        self._names: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def note(self, content: str, names: Iterable[str]) -> None:
        """Take down what was wanted."""
        self._names[content] = tuple(names)
        self._names.move_to_end(content)
        if len(self._names) > MOST_WISHES:
            self._names.popitem(last=False)

    def of(self, content: str) -> tuple[str, ...]:
        """What was wanted with that content; nothing where it is not known."""
        return self._names.get(content, ())

    def clear(self) -> None:
        """Forget them."""
        self._names.clear()


def content_of(drive: "Drive", frame: "Frame") -> str:
    """The fingerprint of an instance by what its inputs hold, where that is cheaply told."""
    marks = []
    for name, link in drive.prints.materials[frame.node_id].links:
        if name in frame.plan.unwanted:
            marks.append((name, "not wanted", 0))
            continue
        outcome = drive.outcomes[link.node]
        held = outcome.digests[link.slot] if link.slot < len(outcome.digests) else None
        if held is None:
            marks.append((name, outcome.content or drive.fingerprints[link.node], link.slot))
        else:
            marks.append((name, f"by value {held}", 0))
    return drive.prints.content(frame.node_id, marks)


def settle(drive: "Drive", frame: "Frame", rounds: Iterable[Collection[str]]) -> None:
    """Take down what an async instance awaited, a round after the other, and its content with that alone."""
    plan = frame.plan
    plan.want_nothing()
    frame.content = content_of(drive, frame)
    for names in rounds:
        drive.parts.wishes.note(frame.content, names)
        plan.want(names)
        frame.content = content_of(drive, frame)
