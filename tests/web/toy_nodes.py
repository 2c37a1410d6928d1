"""Small nodes for the tests of the web edge: they need Pillow at most."""

import os
import signal
import time
from typing import Annotated

from PIL import Image as Pictures

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Image
from nodes.api.widgets import Choice, File, Range


@node(id="ToyPicture", category="toys")
def toy_picture(
    width: Annotated[int, Range(1, 1024)] = 8,
    height: Annotated[int, Range(1, 1024)] = 8,
    colour: Annotated[str, Choice(("red", "green", "blue"))] = "red",
) -> Image:
    """A picture of one colour."""
    return Pictures.new("RGBA", (width, height), colour)


@node(id="ToyLoad", category="toys")
def toy_load(ctx: Context, image: Annotated[str, File("input", upload="image")]) -> Image:
    """A picture of the input folder."""
    with Pictures.open(ctx.files.input(image)) as picture:
        return picture.copy()


@node(id="ToySave", category="toys", output_node=True)
def toy_save(ctx: Context, images: Image, filename_prefix: str = "toy") -> None:
    """Write a picture to the output folder."""
    saved = ctx.files.reserve(filename_prefix, "png")
    images.save(saved.path)
    ctx.show("images", [saved.record()])


@node(id="ToySteps", category="toys")
def toy_steps(
    ctx: Context,
    images: Image,
    steps: Annotated[int, Range(1, 100_000)] = 3,
    seconds: Annotated[float, Range(0, 60)] = 0.0,
    preview: bool = True,
) -> Image:
    """Take steps, each with progress and a preview."""
    for step in range(steps):
        time.sleep(seconds / steps)
        ctx.progress(step + 1, steps)
        if preview:
            ctx.preview(images)
    return images


@node(id="ToyText", category="toys")
def toy_text(ctx: Context, text: str = "") -> str:
    """Say something while working."""
    ctx.progress(1, 1, text=f"working on {text}")
    return text


@node(id="ToyCount", category="toys")
def toy_count(value: Annotated[int, Range(0, 2**31)] = 0) -> int:
    """One more."""
    return value + 1


@node(id="ToyShow", category="toys", output_node=True)
def toy_show(ctx: Context, value: int) -> None:
    """Show a number."""
    ctx.show("text", [str(value)])


@node(id="ToyShowText", category="toys", output_node=True)
def toy_show_text(ctx: Context, text: str) -> None:
    """Show a text."""
    ctx.show("text", [text])


@node(id="ToyFail", category="toys")
def toy_fail(images: Image, message: str = "the toy broke") -> Image:
    """Fail."""
    raise ValueError(message)


@node(id="ToyDie", category="toys")
def toy_die(images: Image) -> Image:
    """Kill the worker."""
    os.kill(os.getpid(), signal.SIGKILL)
    return images
