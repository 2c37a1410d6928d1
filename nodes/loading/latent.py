"""Opens saved latents."""

from typing import Annotated

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Latent
from nodes.api.widgets import File
from nodes.saving.latent import TENSOR, VERSION
from schedulers.latent import LatentBatch

OLD_SCALE = 0.18215


@node(id="LoadLatent", display_name="LoadLatent", category="_for_testing")
def load(ctx: Context, latent: Annotated[str, File("input:latent")]) -> Latent:
    """Open a saved latent.

    Args:
        latent: a file of the input folder.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = ctx.files.input(latent)
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise NodeError(f"{path.name} cannot be read as a latent: {error}") from error
    if TENSOR not in tensors:
        raise NodeError(f"{path.name} holds no {TENSOR}, but {', '.join(sorted(tensors)) or 'nothing'}")
    samples = tensors[TENSOR].float()
    return LatentBatch(samples if VERSION in tensors else samples / OLD_SCALE)
