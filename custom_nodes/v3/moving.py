"""Saves what V3 nodes show that moves or sounds: animations, sound, and a view of a body."""

import wave
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from custom_nodes.host.state import get_context
from nodes.api.context import Context, SavedFile
from nodes.api.errors import NodeError
from nodes.saving.animation import chunk_metadata, exif_metadata
from nodes.saving.image import preview_prefix, save_frames, to_picture, write_picture

METHODS = {"default": 4, "fastest": 0, "slowest": 6}
SOUND_LEVELS = 2**15


def running_context() -> Context:
    """The context of the node that runs; raises RuntimeError where none does."""
    context: Context | None = get_context()
    if context is None:
        raise RuntimeError("results are saved while a node runs")
    return context


def is_temporary(folder_type: Any) -> bool:
    """Whether "temp" is meant and not "output"; raises NodeError for a folder that nothing is saved to."""
    word = str(getattr(folder_type, "value", folder_type))
    if word not in ("temp", "output"):
        raise NodeError(f"results are saved to output or temp, not to {word!r}")
    return word == "temp"


def save_animation(
    images: Tensor, prefix: str, folder_type: Any, extension: str, fps: float, **options: Any
) -> SavedFile:
    """Write images (B, H, W, C) in [0, 1] as the frames of one PNG or WebP file, with the graph in it."""
    context = running_context()
    first, *others = (to_picture(frame) for frame in images)
    if extension == "png":
        options |= {"format": "PNG", "pnginfo": chunk_metadata(context)}
    else:
        options |= {"format": "WEBP", "exif": exif_metadata(context)}
    saved = context.files.reserve(
        prefix, extension, width=first.width, height=first.height, temporary=is_temporary(folder_type)
    )
    duration = int(1000.0 / fps)
    write_picture(saved, first, save_all=True, append_images=others, duration=duration, **options)
    return saved


def save_sound(audio: Mapping[str, Any], prefix: str, folder_type: Any, kind: str) -> list[SavedFile]:
    """Write sounds, `waveform` (B, C, T) in [-1, 1], as one WAV file each with 16 bits a sample."""
    if kind != "wav":
        raise NodeError(f"sound is saved as wav; {kind!r} needs an encoder that this app does not have")
    context, saved = running_context(), []
    for waveform in audio["waveform"].detach().float().cpu():
        channels = waveform.shape[0]
        levels = (waveform.clamp(-1, 1) * (SOUND_LEVELS - 1)).round().short().T.contiguous()
        file = context.files.reserve(prefix, "wav", temporary=is_temporary(folder_type))
        with wave.open(str(file.path), "wb") as sound:
            sound.setnchannels(channels)
            sound.setsampwidth(2)
            sound.setframerate(int(audio["sample_rate"]))
            sound.writeframes(levels.numpy().astype("<i2").tobytes())
        saved.append(file)
    return saved


class PreviewAudio:
    """Sounds, `waveform` (B, C, T), that are saved for a listen."""

    def __init__(self, audio: Mapping[str, Any], cls: Any = None, **options: Any) -> None:
        self.values = [file.record() for file in save_sound(audio, preview_prefix(), "temp", "wav")]

    def as_dict(self) -> dict[str, Any]:
        """What the page shows."""
        return {"audio": self.values}


class PreviewUI3D:
    """A file of a body, where it is looked at from, and a picture (B, H, W, C) behind it."""

    def __init__(self, model_file: Any, camera_info: Any, **options: Any) -> None:
        self.model_file = model_file
        self.camera_info = camera_info
        self.background: str | None = None
        picture = options.get("bg_image")
        if picture is not None:
            (record,) = save_frames(running_context(), picture[:1], preview_prefix(), temporary=True)
            self.background = f"temp/{record['filename']}"

    def as_dict(self) -> dict[str, Any]:
        """What the page shows."""
        return {"result": [self.model_file, self.camera_info, self.background]}
