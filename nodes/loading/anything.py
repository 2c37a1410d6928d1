"""Opens any file of weights, and says what it is."""

from contextlib import nullcontext
from typing import Annotated, Any

from loaders.anything import Change, open_anything
from loaders.hub import fetch
from loaders.identify.verdict import identify_path
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.results import Blocked
from nodes.api.sockets import (
    Clip,
    ClipVision,
    ControlNet,
    Gligen,
    IpAdapterSocket,
    Model,
    PhotoMaker,
    StyleModel,
    UpscaleModel,
    Vae,
)
from nodes.api.widgets import File, Range, Text
from nodes.loading.kept import diffusion_storage, say_what_is_packed, text_storage, vae_storage

OUTPUTS = (
    "MODEL",
    "CLIP",
    "VAE",
    "CONTROL_NET",
    "CLIP_VISION",
    "report",
    "STYLE_MODEL",
    "UPSCALE_MODEL",
    "IP_ADAPTER",
    "GLIGEN",
    "PHOTOMAKER",
)
Reference = Annotated[
    str, Text(multiline=False, dynamic_prompts=False, placeholder="owner/name[/file][@revision]")
]


@node(id="LoadAnything", display_name="Load Anything", category="loaders", outputs=OUTPUTS)
def load_anything(
    ctx: Context,
    *,
    file: Annotated[str, File("models:all")],
    repository: Reference = "",
    strength: Annotated[float, Range(-100.0, 100.0, step=0.01)] = 1.0,
    model: Model | None = None,
    clip: Clip | None = None,
) -> tuple[
    Model,
    Clip,
    Vae,
    ControlNet,
    ClipVision,
    str,
    StyleModel,
    UpscaleModel,
    IpAdapterSocket,
    Gligen,
    PhotoMaker,
]:
    """Open a file or folder of any kind; it is known by its tensors, whatever its name and its folder are.

    The report says what it is and why. An output that the file cannot give holds back what is linked to it.

    Args:
        file: one of all model folders.
        repository: a place on the Hugging Face Hub to fetch instead; code that it brings is never run.
        strength: how strongly a LoRA changes model and clip.
        model: what a LoRA changes, or what a ControlNet that is stored as a difference is added to.
        clip: the text encoder that a LoRA changes.
    """
    reference = repository.strip()
    path = fetch(reference, ctx.log.info) if reference else ctx.files.find("models:all", file)
    verdict = identify_path(path)
    is_control = model is not None and "CONTROL_NET" in verdict.sockets
    with ctx.resident(model) if is_control else nullcontext() as base:
        storages = (diffusion_storage(ctx), text_storage(ctx), vae_storage(ctx))
        change = Change(model, clip, strength, base.network if base else None, *storages)
        opened = open_anything(verdict, change)
    ctx.show("text", [opened.report])
    say_what_is_packed(ctx, **{name.lower(): part for name, part in opened.values.items()})
    values: dict[str, Any] = {"report": opened.report, **opened.values}
    return tuple(values.get(output, Blocked(opened.lack(output))) for output in OUTPUTS)
