"""Saves latents."""

import torch

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Latent
from nodes.saving.files import metadata_texts, write_file

TENSOR = "latent_tensor"
VERSION = "latent_format_version_0"
"""Its presence says that the numbers are as a VAE makes them; older files have them scaled for SD 1."""


@node(
    id="SaveLatent",
    category="_for_testing",
    display_name="SaveLatent",
    output_node=True,
    hidden=("prompt", "extra_pnginfo"),
)
def save(ctx: Context, samples: Latent, filename_prefix: str = "latents/ComfyUI") -> None:
    """Save a latent in the output folder; its noise mask is not saved.

    Args:
        samples: (B, C, H, W).
        filename_prefix: how the name begins.
    """
    from safetensors.torch import save as written

    tensors = {TENSOR: samples.samples.detach().cpu().contiguous(), VERSION: torch.empty(0)}
    saved = ctx.files.reserve(filename_prefix, "latent")
    write_file(saved, written(tensors, dict(metadata_texts(ctx)) or None))
    ctx.show("latents", [saved.record()])
