"""Saves what prompts come to."""

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Conditioning
from nodes.saving.files import metadata_texts, write_file
from schedulers.kept_conditioning import kept


@node(
    id="SaveConditioning",
    display_name="Save Conditioning",
    category="conditioning",
    output_node=True,
    outputs=("conditioning",),
    hidden=("prompt", "extra_pnginfo"),
)
def save(
    ctx: Context, conditioning: Conditioning, filename_prefix: str = "conditioning/ComfyUI"
) -> Conditioning:
    """Save what prompts come to in the output folder, to be used again without their text encoder.

    Moved into the embeddings folder, the file is opened by Load Conditioning.

    Args:
        conditioning: prompts with where, when and how strongly they hold; hooks, ControlNets and pictures
            that were seen cannot be kept, so save before they are added.
        filename_prefix: how the name begins.
    """
    from safetensors.torch import save as written

    try:
        tensors, metadata = kept(conditioning)
    except ValueError as error:
        raise NodeError(str(error)) from error
    saved = ctx.files.reserve(filename_prefix, "safetensors")
    write_file(saved, written(tensors, {**metadata_texts(ctx), **metadata}))
    ctx.show("conditionings", [saved.record()])
    return conditioning
