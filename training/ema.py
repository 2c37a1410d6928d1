"""Keeps a moving average of a network's trained weights."""

import torch
from torch import Tensor, nn


class MovingAverage:
    """Exponential average of the parameters that train; young averages forget faster."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights: dict[str, Tensor] = {
            name: parameter.detach().clone()
            for name, parameter in network.named_parameters()
            if parameter.requires_grad
        }

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move towards the weights after a step, counted from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        current = dict(network.named_parameters())
        names = list(self.weights)
        torch._foreach_lerp_(
            [self.weights[name] for name in names], [current[name] for name in names], 1 - decay
        )

    def install(self, network: nn.Module) -> None:
        """Put the averaged weights into a network of the same shape."""
        network.load_state_dict(self.weights, strict=False)
