"""Progress bars, resizing and reading weights for packs (`comfy.utils` to packs)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from custom_nodes.host.state import get_context
from loaders.opening import open_weights
from models.resize import bislerp as turn
from nodes.image.resize import lanczos as resample
from nodes.image.resize import resize

PROGRESS_BAR_ENABLED = True


def set_progress_bar_enabled(enabled: bool) -> None:
    """Say whether bars are wanted in the terminal; there are none."""
    global PROGRESS_BAR_ENABLED
    PROGRESS_BAR_ENABLED = enabled


class ProgressBar:
    """Reports how far a node is; each report ends the node if the job was cancelled."""

    def __init__(self, total: float, node_id: str | None = None) -> None:
        self.total = total
        self.current = 0.0
        self.node_id = node_id

    def update_absolute(self, value: float, total: float | None = None, preview: Any = None) -> None:
        """Set how far it is, and show a picture: (format, PIL image, largest side)."""
        if total is not None:
            self.total = total
        self.current = min(value, self.total)
        context = get_context()
        if context is None:
            return
        context.progress(self.current, self.total)
        if preview is not None:
            context.preview(preview[1])

    def update(self, value: float) -> None:
        """Go on by some steps."""
        self.update_absolute(self.current + value)


def load_torch_file(
    ckpt: str, safe_load: bool = False, device: Any = None, return_metadata: bool = False
) -> Any:
    """The tensors of a weights file by name; pickles are read without running what is in them."""
    weights = open_weights(Path(ckpt))
    state_dict = {
        name: tensor if device is None else tensor.to(device) for name, tensor in weights.read_many(weights)
    }
    return (state_dict, dict(weights.metadata)) if return_metadata else state_dict


def save_torch_file(sd: Mapping[str, Tensor], ckpt: str, metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors as safetensors."""
    from safetensors.torch import save_file

    tensors = {name: tensor.contiguous() for name, tensor in sd.items()}
    save_file(tensors, ckpt, None if metadata is None else dict(metadata))


def common_upscale(samples: Tensor, width: int, height: int, upscale_method: str, crop: str) -> Tensor:
    """Samples (B, C, H, W), or (B, C, T, H, W), as large as asked for."""
    if samples.ndim < 5:
        return resize(samples, width, height, upscale_method, crop)
    batch, channels, frames = samples.shape[:3]
    flat = samples.movedim(2, 1).reshape(batch * frames, channels, *samples.shape[3:])
    flat = resize(flat, width, height, upscale_method, crop)
    return flat.reshape(batch, frames, channels, *flat.shape[2:]).movedim(1, 2)


def lanczos(samples: Tensor, width: int, height: int) -> Tensor:
    """Samples (B, C, H, W) as large as asked for, by windowed sinc."""
    return resample(samples, width, height)


def bislerp(samples: Tensor, width: int, height: int) -> Tensor:
    """Samples (B, C, H, W) as large as asked for, channel vectors turned along the sphere."""
    return turn(samples, width, height)


def repeat_to_batch_size(tensor: Tensor, batch_size: int, dim: int = 0) -> Tensor:
    """A tensor of any shape repeated or cut along one axis."""
    have = tensor.shape[dim]
    if have > batch_size:
        return tensor.narrow(dim, 0, batch_size)
    if have < batch_size:
        repeats = [1] * tensor.ndim
        repeats[dim] = -(-batch_size // have)
        return tensor.repeat(repeats).narrow(dim, 0, batch_size)
    return tensor


def state_dict_prefix_replace(
    state_dict: dict[str, Any], replace_prefix: Mapping[str, str], filter_keys: bool = False
) -> dict[str, Any]:
    """Tensors with other beginnings of their names; with filter_keys only those, in a new dictionary."""
    target: dict[str, Any] = {} if filter_keys else state_dict
    for old, new in replace_prefix.items():
        for name in [name for name in state_dict if name.startswith(old)]:
            target[new + name[len(old) :]] = state_dict.pop(name)
    return target


def calculate_parameters(sd: Mapping[str, Tensor], prefix: str = "") -> int:
    """How many numbers the tensors hold whose names begin so."""
    return sum(tensor.numel() for name, tensor in sd.items() if name.startswith(prefix))


def weight_dtype(sd: Mapping[str, Tensor], prefix: str = "") -> torch.dtype | None:
    """The number type of most of the numbers, or None where there are none."""
    counts: dict[torch.dtype, int] = {}
    for name, tensor in sd.items():
        if name.startswith(prefix):
            counts[tensor.dtype] = counts.get(tensor.dtype, 0) + tensor.numel()
    return max(counts, key=lambda dtype: counts[dtype]) if counts else None


def get_attr(obj: Any, attr: str) -> Any:
    """What a dotted path leads to."""
    for name in attr.split("."):
        obj = getattr(obj, name)
    return obj


def set_attr(obj: Any, attr: str, value: Any) -> Any:
    """Put a value at the end of a dotted path; returns what was there."""
    path, _, name = attr.rpartition(".")
    owner = get_attr(obj, path) if path else obj
    before = getattr(owner, name)
    setattr(owner, name, value)
    return before
