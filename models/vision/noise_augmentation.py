"""Answers what an unCLIP network is told about pictures: their embeddings with noise, and how much of it.

References: Ramesh et al. 2022 (arXiv:2204.06125), section 2.2; the cosine schedule of Nichol and Dhariwal
2021 (arXiv:2102.09672), equation 17. Shapes: P width of the embeddings.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from models.embed import timestep_embedding

LEVELS = 1000
# The ecosystem seeds this noise apart from that of the picture.
SEED_OFFSET = -10


@dataclass(frozen=True, eq=False)
class NoiseAugmentation:
    """Noise on picture embeddings.

    Attributes:
        width: P.
        mean: (P,) of the embeddings the network was trained on; None for 0.
        deviation: (P,) their standard deviation; None for 1.
    """

    width: int
    mean: Tensor | None = None
    deviation: Tensor | None = None

    def vector(self, items: Sequence[Mapping[str, Any]], seed: int, merge: float = 0.05) -> Tensor:
        """What the network is told about all pictures together.

        Each embedding is noised with the same noise and weighted; several are added up and noised once more.

        Args:
            items: "clip_vision_output" (a VisionOutput), "strength", "noise_augmentation" (0 to 1) of each.
            seed: of the run.
            merge: part of the noise that the sum of several gets, in [0, 1].

        Returns:
            (1, 2P): the embedding, then that of its noise level; zeros for no items.

        Raises:
            ValueError: if embeddings have another width.
        """
        told = []
        generator = torch.Generator()
        for item in items:
            for row in item["clip_vision_output"].image_embeds:
                generator.manual_seed(seed + SEED_OFFSET)
                noised = self.noised(row[None], item["noise_augmentation"], generator)
                told.append(noised * item["strength"])
        if not told:
            return torch.zeros(1, 2 * self.width)
        if len(told) == 1:
            return told[0]
        return self.noised(torch.stack(told).sum(dim=0)[:, : self.width], merge, generator)

    def noised(self, embedding: Tensor, part: float, generator: torch.Generator) -> Tensor:
        """An embedding (1, P) at a part of the noise in [0, 1], and that of its level: (1, 2P)."""
        if embedding.shape[-1] != self.width:
            raise ValueError(
                f"picture embeddings must be {self.width} wide for this model, not {embedding.shape[-1]}: "
                "it needs another CLIP vision model"
            )
        level = round((LEVELS - 1) * part)
        signal = signal_levels()[level]
        mean = 0.0 if self.mean is None else self.mean.to(embedding)
        deviation = 1.0 if self.deviation is None else self.deviation.to(embedding)
        noise = torch.randn(embedding.shape, generator=generator)
        mixed = signal.sqrt() * (embedding - mean) / deviation + (1.0 - signal).sqrt() * noise.to(embedding)
        told = timestep_embedding(torch.tensor([float(level)]), self.width)
        return torch.cat([(mixed * deviation + mean).float(), told], dim=1)


@lru_cache(maxsize=1)
def signal_levels(largest_beta: float = 0.999) -> Tensor:
    """The cumulative signal share (LEVELS,) of the cosine schedule, float64."""

    def share(time: float) -> float:
        return math.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2

    kept = [1.0 - min(1.0 - share((i + 1) / LEVELS) / share(i / LEVELS), largest_beta) for i in range(LEVELS)]
    return torch.tensor(kept, dtype=torch.float64).cumprod(0)
