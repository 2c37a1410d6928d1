"""What if memory runs short in a node? It lets go of all it holds and gets a second try, but no third."""

import logging
import traceback
from typing import TYPE_CHECKING, Any

from executor.run.call import Binding
from executor.run.frames import NODE_ERRORS, Frame
from nodes.api.errors import Cancelled

if TYPE_CHECKING:
    from executor.run.drive import Drive

logger = logging.getLogger(__name__)


def call(drive: "Drive", frame: Frame, binding: Binding, arguments: Any) -> Any:
    """What a node gives for arguments; raises what it raises, but for the first shortage of memory."""
    context = frame.context
    assert context is not None
    shown = {key: list(items) for key, items in context.shown.items()}
    try:
        return binding.call(arguments, context)
    except NODE_ERRORS as error:
        if frame.is_second_try or not ran_short(drive, frame, error):
            raise
    # The error is gone here, and with it all that the first try held.
    frame.is_second_try = True
    context.shown.clear()
    context.shown.update(shown)
    drive.relieve()
    return binding.call(arguments, context)


def ran_short(drive: "Drive", frame: Frame, error: BaseException) -> bool:
    """Whether an error means that memory ran short and the node may try again; it holds nothing then."""
    if drive.cancelled or isinstance(error, Cancelled):
        return False
    lack = drive.parts.shortage(error)
    if lack is None:
        return False
    logger.warning("%s; trying %s once more with less", lack, frame.plan.instance.type)
    forget(error)
    forget(lack)
    return True


def forget(error: BaseException) -> None:
    """Let go of everything that an error and its causes hold: the variables of the functions it passed."""
    pending, seen = [error], set()
    while pending:
        each = pending.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if each.__traceback__ is not None:
            traceback.clear_frames(each.__traceback__)
            each.__traceback__ = None
        pending += [cause for cause in (each.__cause__, each.__context__) if cause is not None]
