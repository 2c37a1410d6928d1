"""What V3 nodes show: saved and previewed pictures and texts (`comfy_api.latest.ui` to packs)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from custom_nodes.v3.moving import (
    METHODS,
    PreviewAudio,
    PreviewUI3D,
    is_temporary,
    running_context,
    save_animation,
    save_sound,
)
from nodes.api.context import SavedFile
from nodes.saving.image import preview_prefix, save_frames


class SavedResult(dict[str, Any]):
    """A saved file as results name it."""

    def __init__(self, filename: str, subfolder: str, type: Any) -> None:
        super().__init__(filename=filename, subfolder=subfolder, type=str(getattr(type, "value", type)))

    @property
    def filename(self) -> str:
        """The name of the file."""
        return str(self["filename"])

    @property
    def subfolder(self) -> str:
        """Its folder below the place that `type` names."""
        return str(self["subfolder"])

    @property
    def type(self) -> str:
        """The place."""
        return str(self["type"])


class SavedImages:
    """Pictures that were saved."""

    def __init__(self, results: Sequence[Mapping[str, Any]], is_animated: bool = False) -> None:
        self.results = list(results)
        self.is_animated = is_animated

    def as_dict(self) -> dict[str, Any]:
        """What the page shows."""
        shown: dict[str, Any] = {"images": self.results}
        return {**shown, "animated": (True,)} if self.is_animated else shown


class SavedAudios:
    """Sounds that were saved."""

    def __init__(self, results: Sequence[Mapping[str, Any]]) -> None:
        self.results = list(results)

    def as_dict(self) -> dict[str, Any]:
        """What the page shows."""
        return {"audio": self.results}


class PreviewImage:
    """Pictures (B, H, W, C) that are saved for a look."""

    def __init__(self, image: Tensor, animated: bool = False, cls: Any = None, **options: Any) -> None:
        self.animated = animated
        self.values = save_frames(running_context(), image, preview_prefix(), temporary=True)

    def as_dict(self) -> dict[str, Any]:
        """What the page shows."""
        return {"images": self.values, "animated": (self.animated,)}


class PreviewMask(PreviewImage):
    """Masks (B, H, W) that are saved for a look."""

    def __init__(self, mask: Tensor, animated: bool = False, cls: Any = None, **options: Any) -> None:
        planes = mask.reshape(-1, 1, *mask.shape[-2:]).movedim(1, -1).expand(-1, -1, -1, 3)
        super().__init__(planes, animated, cls, **options)


class PreviewVideo:
    """Videos that were saved for a look."""

    def __init__(self, values: Sequence[Mapping[str, Any]], **options: Any) -> None:
        self.values = list(values)

    def as_dict(self) -> dict[str, Any]:
        """What the page shows."""
        return {"images": self.values, "animated": (True,)}


class PreviewText:
    """A text."""

    def __init__(self, value: str, **options: Any) -> None:
        self.value = value

    def as_dict(self) -> dict[str, Any]:
        """What the page shows."""
        return {"text": (self.value,)}


class ImageSaveHelper:
    """Saves pictures in the way of the saving nodes, with the graph that made them."""

    @staticmethod
    def save_images(
        images: Tensor,
        filename_prefix: str,
        folder_type: Any = "output",
        cls: Any = None,
        compress_level: int = 4,
    ) -> list[SavedResult]:
        """Write pictures (B, H, W, C) as PNG files."""
        temporary = is_temporary(folder_type)
        records = save_frames(running_context(), _stacked(images), filename_prefix, temporary=temporary)
        return [SavedResult(**record) for record in records]

    @staticmethod
    def get_save_images_ui(
        images: Tensor, filename_prefix: str, cls: Any = None, compress_level: int = 4
    ) -> SavedImages:
        """The same, as something to show."""
        return SavedImages(
            ImageSaveHelper.save_images(images, filename_prefix, "output", cls, compress_level)
        )

    @staticmethod
    def save_animated_png(
        images: Tensor, filename_prefix: str, folder_type: Any, cls: Any, fps: float, compress_level: int
    ) -> SavedResult:
        """Write pictures (B, H, W, C) as the frames of one PNG file."""
        return _saved(
            save_animation(
                _stacked(images), filename_prefix, folder_type, "png", fps, compress_level=compress_level
            )
        )

    @staticmethod
    def get_save_animated_png_ui(
        images: Tensor, filename_prefix: str, cls: Any, fps: float, compress_level: int
    ) -> SavedImages:
        """The same, as something to show."""
        result = ImageSaveHelper.save_animated_png(
            images, filename_prefix, "output", cls, fps, compress_level
        )
        return SavedImages([result], is_animated=len(images) > 1)

    @staticmethod
    def save_animated_webp(
        images: Tensor,
        filename_prefix: str,
        folder_type: Any,
        cls: Any,
        fps: float,
        lossless: bool,
        quality: int,
        method: int | str,
    ) -> SavedResult:
        """Write pictures (B, H, W, C) as the frames of one WebP file."""
        effort = METHODS[method] if isinstance(method, str) else method
        options = {"lossless": lossless, "quality": quality, "method": effort}
        return _saved(save_animation(_stacked(images), filename_prefix, folder_type, "webp", fps, **options))

    @staticmethod
    def get_save_animated_webp_ui(
        images: Tensor,
        filename_prefix: str,
        cls: Any,
        fps: float,
        lossless: bool,
        quality: int,
        method: int | str,
    ) -> SavedImages:
        """The same, as something to show."""
        result = ImageSaveHelper.save_animated_webp(
            images, filename_prefix, "output", cls, fps, lossless, quality, method
        )
        return SavedImages([result], is_animated=len(images) > 1)


class AudioSaveHelper:
    """Saves sounds."""

    @staticmethod
    def save_audio(
        audio: Mapping[str, Any],
        filename_prefix: str,
        folder_type: Any = "output",
        cls: Any = None,
        format: str = "flac",
        quality: str = "128k",
    ) -> list[SavedResult]:
        """Write sounds, `waveform` (B, C, T), as WAV files; raises NodeError for any other format."""
        return [_saved(file) for file in save_sound(audio, filename_prefix, folder_type, format)]

    @staticmethod
    def get_save_audio_ui(
        audio: Mapping[str, Any],
        filename_prefix: str,
        cls: Any = None,
        format: str = "flac",
        quality: str = "128k",
    ) -> SavedAudios:
        """The same, as something to show."""
        return SavedAudios(AudioSaveHelper.save_audio(audio, filename_prefix, "output", cls, format, quality))


def _saved(file: SavedFile) -> SavedResult:
    return SavedResult(file.filename, file.subfolder, file.type)


def _stacked(images: Tensor | Iterable[Tensor]) -> Tensor:
    return images if isinstance(images, Tensor) else torch.stack(list(images))


__all__ = [
    "AudioSaveHelper",
    "ImageSaveHelper",
    "PreviewAudio",
    "PreviewImage",
    "PreviewMask",
    "PreviewText",
    "PreviewUI3D",
    "PreviewVideo",
    "SavedAudios",
    "SavedImages",
    "SavedResult",
]
