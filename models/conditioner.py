"""Answers what a network takes beside the latent, the time and the text: one small object a family."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What is sampled, as far as a condition may depend on it.

    Attributes:
        noise: (B, C, H, W), unit variance.
        latent: (B, C, H, W), scaled for the network; zeros where there is no picture to start from.
        mask: (B, C, H, W), 1 = denoise; None = everywhere.
        seed: of the run.
        device: where the network computes.
        role: name of the list that the condition stands in ("positive", "negative", ...).
        network: the network that is sampled with, for controls that are built over it.
    """

    noise: Tensor
    latent: Tensor
    mask: Tensor | None
    seed: int
    device: torch.device
    role: str = "positive"
    network: nn.Module | None = None


class Conditioner(Protocol):
    """Makes a network's further inputs from the fields of a condition."""

    @property
    def spatial(self) -> frozenset[str]:
        """Names of the inputs (.., H, W) of which a condition with an area takes its part."""
        ...

    def inputs(
        self, pooled: Tensor | None, fields: Mapping[str, Any], where: Surroundings
    ) -> Mapping[str, Tensor]:
        """The keyword inputs of the network, each for one row or for each of the B rows.

        "concat" (.., C', H, W) is not handed over but stands behind the latent's channels.

        Args:
            pooled: (1, P) pooled text embedding, or None.
            fields: what nodes hung on the condition.
            where: what is sampled.
        """
        ...


@runtime_checkable
class ContextConditioner(Protocol):
    """Makes the text of a network, too, of what a condition holds in place of one."""

    def context(self, embedding: Tensor, where: Surroundings) -> Tensor:
        """The token embeddings (1 or B, T, D) that the network reads, on the device where it computes.

        Args:
            embedding: (1 or B, T, any) as the condition has it.
            where: what is sampled.
        """
        ...


@dataclass(frozen=True)
class PlainConditioner:
    """For networks that take nothing more."""

    spatial: frozenset[str] = frozenset()

    def inputs(
        self, pooled: Tensor | None, fields: Mapping[str, Any], where: Surroundings
    ) -> Mapping[str, Tensor]:
        """Nothing."""
        del pooled, fields, where
        return {}
