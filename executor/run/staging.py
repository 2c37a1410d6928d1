"""Asks nodes which of their lazy inputs they want, again and again until they have all of them."""

import inspect
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from executor.run.call import Binding
from executor.run.frames import NODE_ERRORS, Frame
from nodes.api.context import call_index

if TYPE_CHECKING:
    from executor.run.drive import Drive


def stage(drive: "Drive", frame: Frame, binding: Binding) -> bool:
    """Ask a node which lazy inputs it wants; whether it has to wait for some."""
    ask = frame.plan.node.lazy_status
    assert ask is not None
    names: list[str] = []
    later = []
    for index in range(binding.count):
        call_index.set(index)
        arguments = binding.arguments(index)
        if binding.held(arguments) is None:
            wanted = ask(frame.context, arguments)
            if inspect.isawaitable(wanted):
                later.append(wanted)
            else:
                names.extend(wanted)
    if later:
        drive.asides.ask(frame, names, later)
        return True
    return pull_more(drive, frame, names)


def pull_more(drive: "Drive", frame: Frame, names: list[str]) -> bool:
    """Have an instance wait for the lazy inputs it asked for; False if it has them all."""
    wanted = wait_for(drive, frame, names)
    if wanted:
        drive.parts.wishes.note(frame.content, wanted)
    return bool(wanted)


def wait_for(drive: "Drive", frame: Frame, names: Iterable[str]) -> Collection[str]:
    """Put an instance back on the stack until lazy inputs are there; gives those that it has to wait for."""
    wanted = frame.plan.want(names)
    if wanted:
        frame.expect([*wanted.values()])
        drive.stack.append(frame)
    return wanted.keys()


def go_on(drive: "Drive", frame: Frame, names: list[str]) -> None:
    """Go on with an instance that has said which lazy inputs it wants."""
    try:
        if pull_more(drive, frame, names):
            return
    except NODE_ERRORS as error:
        raise drive.failure(frame, error) from None
    assert frame.binding is not None
    drive.launch(frame, frame.binding)
