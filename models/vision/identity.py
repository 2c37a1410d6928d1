"""Holds PhotoMaker's encoder: photographs of a person in, the words of a prompt that mean that person out.

Reference: Li et al. 2023 (arXiv:2312.04461), section 3.2 and figure 2; parameter names are those of the
published file.
Shapes: N photographs, S side of the square picture, W width of the prompt's tokens, which is that of both
projections together.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from models.vision.clip import ClipVision, ClipVisionConfig
from models.vision.encode import normalised, prepared


@dataclass(frozen=True)
class IdentityConfig:
    """Sizes of the encoder.

    Attributes:
        vision: of the picture tower; its projection is as wide as the first text encoder.
        second: width of the second projection, that of the second text encoder.
    """

    vision: ClipVisionConfig
    second: int

    @property
    def width(self) -> int:
        """W."""
        return (self.vision.projection or 0) + self.second


class IdentityEncoder(ClipVision):
    """A picture tower with a second projection, and what mixes words with pictures."""

    def __init__(self, config: IdentityConfig) -> None:
        super().__init__(config.vision)
        self.width = config.width
        self.visual_projection_2 = nn.Linear(config.vision.width, config.second, bias=False)
        self.fuse_module = Fuse(config.width)

    def identities(self, pixels: Tensor) -> Tensor:
        """What photographs (N, 3, S, S), normalised, show: (N, W)."""
        states = self.vision_model(pixels)
        pooled = self.vision_model.post_layernorm(states[-1][:, 0])
        return torch.cat([self.visual_projection(pooled), self.visual_projection_2(pooled)], dim=-1)


class Fuse(nn.Module):
    """Mixes a word with what a photograph shows (section 3.2)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp1 = TwoLayers(2 * width, width)
        self.mlp2 = TwoLayers(width, width)
        self.layer_norm = nn.LayerNorm(width)

    def forward(self, words: Tensor, identities: Tensor) -> Tensor:
        """The words (N, W) that mean words (N, W) as photographs (N, W) show them."""
        mixed = self.mlp1(torch.cat([words, identities], dim=-1)) + words
        fused: Tensor = self.layer_norm(self.mlp2(mixed) + mixed)
        return fused


class TwoLayers(nn.Module):
    """A norm and two layers, as wide inside as behind."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layernorm = nn.LayerNorm(inputs)
        self.fc1 = nn.Linear(inputs, outputs)
        self.fc2 = nn.Linear(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        transformed: Tensor = self.fc2(gelu(self.fc1(self.layernorm(x))))
        return transformed


@dataclass(frozen=True, eq=False)
class PhotoMakerModel:
    """PhotoMaker's encoder; PHOTOMAKER on the wires is a patched one."""

    network: IdentityEncoder
    name: str = ""


def person_words(model: PhotoMakerModel, words: Tensor, photographs: Tensor) -> Tensor:
    """The words that mean the person of photographs.

    Args:
        model: the encoder, resident where it shall run.
        words: (N, W) as the text encoders give the word for what the person is, once for each photograph.
        photographs: (N, H, W, C) in [0, 1]; cut to squares at the centre.

    Returns:
        (N, W), float32 on the CPU.

    Raises:
        ValueError: for words of another width.
    """
    network = model.network
    if words.shape[-1] != network.width:
        raise ValueError(
            f"this PhotoMaker is made for prompts of width {network.width}, as SDXL has them, "
            f"but this text encoder gives {words.shape[-1]}"
        )
    weight = network.vision_model.embeddings.class_embedding
    pixels = prepared(photographs.to(weight.device), network.config.size)
    with torch.no_grad():
        identities = network.identities(normalised(pixels).to(weight.dtype))
        fused: Tensor = network.fuse_module(words.to(weight.device, weight.dtype), identities)
    return fused.float().cpu()
