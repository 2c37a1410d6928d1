"""Moves the weights of a network towards those of another one."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace

from torch import Tensor, nn

from models.adapters.weight_change import WeightChange, original_parameter


@dataclass(frozen=True, eq=False)
class Towards(WeightChange):
    """W + strength * (target - W0), where W0 is the weight without any patch, for weights that both have.

    Attributes:
        own: the network that is changed.
        target: the other one; its weights are taken without patches.
        strength: 1 goes all the way.
    """

    own: nn.Module
    target: nn.Module
    strength: float = 1.0

    @property
    def key(self) -> Hashable:
        """The very networks and the strength."""
        return ("towards", self.own, self.target, self.strength)

    def scaled(self, factor: float) -> "Towards":
        """The same with its strength multiplied."""
        return replace(self, strength=self.strength * factor)

    def places(self, root: nn.Module) -> Iterator[str]:
        """Names of the parameters that both networks have in the same shape."""
        del root
        there = {name for name, _ in self.target.named_parameters()}
        for name, parameter in self.own.named_parameters():
            if name in there and original_parameter(self.target, name).shape == parameter.shape:
                yield name

    def change(self, name: str, weight: Tensor) -> Tensor:
        """Move a parameter (any shape)."""
        present, wanted = original_parameter(self.own, name), original_parameter(self.target, name)
        difference = wanted.detach().to(weight) - present.detach().to(weight)
        return weight + self.strength * difference
