"""Names for the values on links, and what a video can do (`comfy_api.input` and `Types` to packs)."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypedDict

from torch import Tensor

from nodes.api.errors import NodeError

ImageInput = Tensor
MaskInput = Tensor


class AudioInput(TypedDict):
    """Sound: waveform (B, C, T) and samples a second."""

    waveform: Tensor
    sample_rate: int


class LatentInput(TypedDict, total=False):
    """A latent as packs know it."""

    samples: Tensor
    noise_mask: Tensor
    batch_index: list[int]


class VideoContainer(StrEnum):
    """File formats of videos."""

    AUTO = "auto"
    MP4 = "mp4"

    @classmethod
    def as_input(cls) -> list[str]:
        """The words for a drop-down."""
        return [member.value for member in cls]

    @classmethod
    def get_extension(cls, value: "str | VideoContainer") -> str:
        """The ending of files."""
        return "mp4" if value in (cls.AUTO, cls.MP4, "auto", "mp4") else ""


class VideoCodec(StrEnum):
    """Codecs of videos."""

    AUTO = "auto"
    H264 = "h264"

    @classmethod
    def as_input(cls) -> list[str]:
        """The words for a drop-down."""
        return [member.value for member in cls]


@dataclass
class VideoComponents:
    """A video taken apart: images (T, H, W, C), pictures a second, sound."""

    images: Tensor
    frame_rate: Fraction
    audio: AudioInput | None = None
    metadata: dict[str, Any] | None = None


class VideoInput(ABC):
    """A video on a link."""

    @abstractmethod
    def get_components(self) -> VideoComponents:
        """The video taken apart."""

    @abstractmethod
    def save_to(self, path: Any, format: Any = None, codec: Any = None, metadata: Any = None) -> None:
        """Write it to a file or a buffer."""

    def get_dimensions(self) -> tuple[int, int]:
        """Width and height."""
        images = self.get_components().images
        return images.shape[2], images.shape[1]

    def get_frame_count(self) -> int:
        """How many pictures it has."""
        return int(self.get_components().images.shape[0])

    def get_frame_rate(self) -> Fraction:
        """Pictures a second."""
        return self.get_components().frame_rate

    def get_duration(self) -> float:
        """Seconds."""
        return float(self.get_frame_count() / self.get_frame_rate())


class VideoFromComponents(VideoInput):
    """A video made of its parts."""

    def __init__(self, components: VideoComponents) -> None:
        self.components = components

    def get_components(self) -> VideoComponents:
        """The parts."""
        return self.components

    def save_to(self, path: Any, format: Any = None, codec: Any = None, metadata: Any = None) -> None:
        """Raises NodeError: films need an encoder."""
        raise NodeError(f"a video cannot be written to {path}: this app has no encoder for films")


class MESH:
    """Surfaces: vertices (B, N, 3) and faces (B, M, 3)."""

    def __init__(self, vertices: Tensor, faces: Tensor) -> None:
        self.vertices = vertices
        self.faces = faces


class VOXEL:
    """A body of cells: data (B, D, H, W)."""

    def __init__(self, data: Tensor) -> None:
        self.data = data
