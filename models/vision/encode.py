"""Answers what a picture tower sees in pictures: scaled to its size, normalised, encoded."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from models.vision.clip import ClipVision, VisionOutput

CROPS = ("center", "none")
# Of the pictures CLIP was trained on, by channel.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, eq=False)
class VisionModel:
    """A picture tower; CLIP_VISION on the wires is a patched one.

    Attributes:
        network: the tower.
        mean: of the colours it was trained on, in [0, 1].
        deviation: their standard deviation.
        name: the file it came from.
    """

    network: ClipVision
    mean: tuple[float, float, float] = CLIP_MEAN
    deviation: tuple[float, float, float] = CLIP_DEVIATION
    name: str = ""


def encode_pictures(model: VisionModel, pictures: Tensor, crop: str = "center") -> VisionOutput:
    """What a tower sees in pictures (B, H, W, C) in [0, 1]; channels after the third are left out.

    Args:
        model: the tower, resident where it shall run.
        pictures: of any size.
        crop: "center" keeps the aspect ratio and cuts off what sticks out, "none" stretches.

    Returns:
        float32 on the CPU.
    """
    weight = model.network.vision_model.embeddings.class_embedding
    pixels = prepared(pictures.to(weight.device), model.network.config.size, crop)
    with torch.no_grad():
        output = model.network(normalised(pixels, model.mean, model.deviation).to(weight.dtype))
    return replace(output, **{k: v.float().cpu() for k, v in vars(output).items() if v is not None})


def prepared(pictures: Tensor, size: int, crop: str = "center") -> Tensor:
    """Pictures (B, H, W, C) in [0, 1] as (B, 3, size, size) in [0, 1], in steps of 1/255.

    Raises:
        ValueError: the crop is unknown.
    """
    if crop not in CROPS:
        raise ValueError(f"unknown crop {crop!r}: expected {' or '.join(CROPS)}")
    pixels = pictures[..., :3].movedim(-1, 1).float()
    height, width = pixels.shape[2:]
    if (height, width) != (size, size):
        scale = size / min(height, width)
        new = (round(scale * height), round(scale * width)) if crop == "center" else (size, size)
        pixels = interpolate(pixels, size=new, mode="bicubic", antialias=True)
        top, left = (new[0] - size) // 2, (new[1] - size) // 2
        pixels = pixels[:, :, top : top + size, left : left + size]
    return (255.0 * pixels).clamp(0, 255).round() / 255.0


def normalised(
    pixels: Tensor,
    mean: tuple[float, float, float] = CLIP_MEAN,
    deviation: tuple[float, float, float] = CLIP_DEVIATION,
) -> Tensor:
    """Pictures (B, 3, H, W) in [0, 1] as far from a mean of each colour as in deviations of it."""
    middle, width = (torch.tensor(values, device=pixels.device).view(3, 1, 1) for values in (mean, deviation))
    return (pixels - middle) / width
