"""Opens text encoders from files of their own."""

from collections.abc import Sequence
from typing import Annotated

from loaders.clip_files import open_text_encoders
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Clip
from nodes.api.widgets import Choice, File, Hint
from nodes.loading.kept import say_what_is_packed, text_storage

Device = Annotated[str, Choice(("default", "cpu"), extra={"advanced": True}), Hint(optional=True)]


@node(id="CLIPLoader", display_name="Load CLIP", category="advanced/loaders")
def load_clip(
    ctx: Context,
    clip_name: Annotated[str, File("text_encoders")],
    type: Annotated[str, Choice(("stable_diffusion",))],  # noqa: A002 - the name that workflows use
    device: Device = "default",
) -> Clip:
    """Open a text encoder that stands in a file of its own: CLIP-L, OpenCLIP-H or OpenCLIP-bigG.

    Args:
        clip_name: a file of the text_encoders folder.
        type: the kind of model it is for; which version of it follows from the file.
        device: cpu has it computed there even where there is a faster device.
    """
    del type  # only one can be chosen
    return _opened(ctx, [clip_name], device)


@node(id="DualCLIPLoader", display_name="DualCLIPLoader", category="advanced/loaders")
def load_two_clips(
    ctx: Context,
    clip_name1: Annotated[str, File("text_encoders")],
    clip_name2: Annotated[str, File("text_encoders")],
    type: Annotated[str, Choice(("sdxl",))],  # noqa: A002 - the name that workflows use
    device: Device = "default",
) -> Clip:
    """Open the two text encoders of SDXL, CLIP-L and OpenCLIP-bigG, from files of their own, in any order.

    Args:
        clip_name1: a file of the text_encoders folder.
        clip_name2: the other one.
        type: the kind of model they are for.
        device: cpu has them computed there even where there is a faster device.
    """
    clip = _opened(ctx, [clip_name1, clip_name2], device)
    if clip.base.family != type:
        found = " and ".join(clip.base.network)
        raise NodeError(f"{type} needs the text encoders clip_l and clip_g, but the files hold {found}")
    return clip


def _opened(ctx: Context, names: Sequence[str], device: str) -> Clip:
    paths = [ctx.files.find("text_encoders", name) for name in names]
    clip = open_text_encoders(paths, stays_on_cpu=device == "cpu", storage=text_storage(ctx))
    say_what_is_packed(ctx, clip=clip)
    return clip
