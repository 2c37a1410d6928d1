"""Nodes that do in a moment, or for ever, what real nodes do in seconds."""

import ctypes
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import time
from typing import Annotated

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.widgets import File, Range


@node(id="ToyText")
def text(value: str = "") -> str:
    """Give a text."""
    return value


@node(id="ToyShow", output_node=True)
def show(ctx: Context, value: str) -> None:
    """Show a text."""
    ctx.show("text", [value])


LEAKED = []


@node(id="ToyLeak", output_node=True)
def leak(megabytes: int) -> None:
    """Hold on to memory for ever."""
    LEAKED.append(bytearray(os.urandom(2**20)) * megabytes)


@node(id="ToySteps")
def steps(
    ctx: Context, value: str, count: Annotated[int, Range(1, 100_000)] = 3, seconds: float = 0.0
) -> str:
    """Count, with progress."""
    for index in range(count):
        ctx.progress(index + 1, count)
        time.sleep(seconds)
    return value


@node(id="ToyStuck")
def stuck(value: str, seconds: float = 600.0) -> str:
    """Sleep in C code that holds the interpreter's lock and hears no cancel."""
    ctypes.PyDLL(None).usleep(int(seconds * 1_000_000))
    return value


@node(id="ToyLoop")
def loop(value: str) -> str:
    """Go round in circles for ever."""
    while True:
        value = value[::-1]


@node(id="ToyThink")
def think(ctx: Context, value: str, seconds: float = 3.0) -> str:
    """Do one thing after another for a while, and look only then whether anybody still wants to know."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        descend(random.randrange(50))
    ctx.check_cancelled()
    return value


def descend(depth: int) -> None:
    """Do a little, so many calls further down."""
    if depth:
        descend(depth - 1)
    else:
        time.sleep(0.001)


@node(id="ToySocket")
def blocked(value: str) -> str:
    """Wait for somebody who never calls."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.accept()
    return value


@node(id="ToyOrphans")
def orphans(value: str, path: str) -> str:
    """Leave two processes behind, one of them in a session of its own, then sleep."""
    command = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
    children = [subprocess.Popen(command, start_new_session=alone) for alone in (False, True)]
    with open(path, "w") as file:  # noqa: PTH123
        file.write(" ".join(str(child.pid) for child in children))
    time.sleep(600)
    return value


@node(id="ToyFile")
def file(name: Annotated[str, File("checkpoints")]) -> str:
    """Give the name of a model."""
    return name


@node(id="ToyDie")
def die(value: str, number: int = int(signal.SIGKILL)) -> str:
    """Kill the process that runs this."""
    logging.getLogger("toy").error("about to die")
    os.write(2, b"last words\n")
    os.kill(os.getpid(), number)
    time.sleep(10)
    return value


@node(id="ToyExit")
def exit_process(value: str, code: int = 3) -> str:
    """End the process that runs this."""
    os._exit(code)


@node(id="ToyFail")
def fail(value: str) -> str:
    """Raise."""
    raise ValueError(f"no good: {value}")


@node(id="ToyAppend", output_node=True)
def append(ctx: Context, path: str, line: str, seconds: float = 0.0) -> None:
    """Add a line to a file, after a while."""
    time.sleep(seconds)
    with open(path, "a") as file:  # noqa: PTH123
        file.write(line + "\n")
    ctx.show("text", [line])


@node(id="ToySave", output_node=True)
def save(ctx: Context, text: str, seconds: float = 0.0) -> None:
    """Save a text in a file of its own, after a while."""
    time.sleep(seconds)
    saved = ctx.files.reserve("text", "txt")
    saved.path.write_text(text)
    ctx.show("files", [saved.record()])


@node(id="ToyLog", output_node=True)
def log(ctx: Context, value: str) -> None:
    """Write a log record."""
    ctx.log.warning("said: %s", value)
