"""What a node may call while it runs (`ComfyAPI` to packs), and the base of packs with an entry point."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from custom_nodes.host.state import get_context
from custom_nodes.v3 import io
from custom_nodes.v3.media import (
    MESH,
    VOXEL,
    AudioInput,
    ImageInput,
    LatentInput,
    MaskInput,
    VideoCodec,
    VideoComponents,
    VideoContainer,
    VideoFromComponents,
    VideoInput,
)


class ComfyExtension(ABC):
    """What `comfy_entrypoint` returns."""

    async def on_load(self) -> None:
        """Called once before the nodes are asked for."""
        return

    @abstractmethod
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """The node classes."""


def set_progress(value: float, max_value: float, node_id: str | None, preview_image: Any) -> None:
    """Say how far the running node is; raises ValueError where none runs."""
    context = get_context()
    if context is None:
        raise ValueError("node_id must be given where no node runs")
    context.progress(value, max_value)
    if preview_image is not None:
        context.preview(_picture(preview_image))


class Execution:
    """Calls that concern the running node."""

    async def set_progress(
        self,
        value: float,
        max_value: float,
        node_id: str | None = None,
        preview_image: Any = None,
        ignore_size_limit: bool = False,
    ) -> None:
        """Say how far it is, and show a picture."""
        set_progress(value, max_value, node_id, preview_image)


class ExecutionSync:
    """The same calls without waiting."""

    def set_progress(
        self,
        value: float,
        max_value: float,
        node_id: str | None = None,
        preview_image: Any = None,
        ignore_size_limit: bool = False,
    ) -> None:
        """Say how far it is, and show a picture."""
        set_progress(value, max_value, node_id, preview_image)


class ComfyAPI:
    """For coroutines."""

    VERSION: ClassVar[str] = "latest"
    STABLE: ClassVar[bool] = False

    def __init__(self) -> None:
        self.execution = Execution()


class ComfyAPISync:
    """For plain functions."""

    VERSION: ClassVar[str] = "latest"
    STABLE: ClassVar[bool] = False

    def __init__(self) -> None:
        self.execution = ExecutionSync()


class Input:
    """Names for the values on links."""

    Image = ImageInput
    Audio = AudioInput
    Mask = MaskInput
    Latent = LatentInput
    Video = VideoInput


class InputImpl:
    """Ready-made values. Films in files are not read yet, so there is no `VideoFromFile`."""

    VideoFromComponents = VideoFromComponents


class Types:
    """Further types."""

    VideoCodec = VideoCodec
    VideoContainer = VideoContainer
    VideoComponents = VideoComponents
    MESH = MESH
    VOXEL = VOXEL


def _picture(image: Any) -> Any:
    """A PIL image from itself or from (1, H, W, C) in [0, 1]."""
    from torch import Tensor

    from nodes.saving.image import to_picture

    if not isinstance(image, Tensor):
        return image
    return to_picture(image[0] if image.ndim == 4 else image)
