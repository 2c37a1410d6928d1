"""Opens networks and text encoders from GGUF files, under the names of the pack ComfyUI-GGUF."""

from typing import Annotated

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Clip, Model
from nodes.api.widgets import Choice, File
from nodes.loading.clip import load_clip, load_two_clips
from nodes.loading.kept import diffusion_storage
from nodes.loading.unet import opened_network

CATEGORY = "bootleg"
NUMBER_TYPES = ("default", "target", "float32", "float16", "bfloat16")


@node(id="UnetLoaderGGUF", display_name="Unet Loader (GGUF)", category=CATEGORY)
def load_unet(ctx: Context, unet_name: Annotated[str, File("unet_gguf")]) -> Model:
    """Open a diffusion network from a GGUF file; its weights stay packed until they are used.

    Args:
        unet_name: a GGUF file of the diffusion_models folder.
    """
    return opened_network(ctx, "unet_gguf", unet_name, diffusion_storage(ctx))


@node(id="UnetLoaderGGUFAdvanced", display_name="Unet Loader (GGUF/Advanced)", category=CATEGORY)
def load_unet_advanced(
    ctx: Context,
    unet_name: Annotated[str, File("unet_gguf")],
    dequant_dtype: Annotated[str, Choice(NUMBER_TYPES)] = "default",
    patch_dtype: Annotated[str, Choice(NUMBER_TYPES)] = "default",
    patch_on_device: bool = False,
) -> Model:
    """Open a diffusion network from a GGUF file, as Unet Loader (GGUF) does.

    The other inputs are those of saved workflows, and change nothing: weights and what LoRAs add to them are
    worked out in float32, which no choice makes more exact, and where the network is.

    Args:
        unet_name: a GGUF file of the diffusion_models folder.
        dequant_dtype: weights are unpacked by way of float32, whatever is chosen.
        patch_dtype: LoRAs are worked out in float32, whatever is chosen.
        patch_on_device: LoRAs are kept where the network is when they are needed, whatever is chosen.
    """
    del dequant_dtype, patch_dtype, patch_on_device
    return load_unet(ctx, unet_name)


@node(id="CLIPLoaderGGUF", display_name="CLIPLoader (GGUF)", category=CATEGORY)
def load_clip_gguf(
    ctx: Context,
    clip_name: Annotated[str, File("text_encoders")],
    type: Annotated[str, Choice(("stable_diffusion",))],  # noqa: A002 - the name that workflows use
) -> Clip:
    """Open a text encoder from a GGUF file, or from any other that Load CLIP opens.

    Args:
        clip_name: a file of the text_encoders folder.
        type: the kind of model it is for; which version of it follows from the file.
    """
    return load_clip(ctx, clip_name, type)


@node(id="DualCLIPLoaderGGUF", display_name="DualCLIPLoader (GGUF)", category=CATEGORY)
def load_two_clips_gguf(
    ctx: Context,
    clip_name1: Annotated[str, File("text_encoders")],
    clip_name2: Annotated[str, File("text_encoders")],
    type: Annotated[str, Choice(("sdxl",))],  # noqa: A002 - the name that workflows use
) -> Clip:
    """Open the two text encoders of SDXL from files of their own, GGUF or not, in any order.

    Args:
        clip_name1: a file of the text_encoders folder.
        clip_name2: the other one.
        type: the kind of model they are for.
    """
    return load_two_clips(ctx, clip_name1, clip_name2, type)
