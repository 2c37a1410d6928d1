"""Answers what Zero123 takes: a picture beside the latent, and as its text where to see it from.

Reference: Liu et al. 2023 (arXiv:2303.11328), section 3.2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.conditioner import Surroundings
from models.conditioners.pictures import EditConditioner
from models.unet.viewing import ViewUNet


@dataclass(frozen=True)
class ViewConditioner(EditConditioner):
    """For Zero123: the latent of the picture, and its embedding projected with the point of view."""

    def context(self, embedding: Tensor, where: Surroundings) -> Tensor:
        """The context (1 or B, T, D) of an embedding (1 or B, T, D + 4)."""
        network = where.network
        if not isinstance(network, ViewUNet):
            raise TypeError(f"points of view are projected by the network of Zero123, not by {network!r:.60}")
        dtype = network.cc_projection.weight.dtype
        with torch.no_grad():
            return network.projected(embedding.to(where.device, dtype)).float()
