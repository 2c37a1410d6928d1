"""Runs low-rank factors beside a layer whose weight is left as it is.

y = W x + s B (A x), as in Hu et al. 2021 (arXiv:2106.09685), equation 3, which errs no more than the number
type.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

from models.adapters.deltas import Step
from models.adapters.products import LowRank

# The name under which factors hang on a layer.
CHAINS = "factors_beside"
_beside: "WeakKeyDictionary[nn.Module, list[Beside]]" = WeakKeyDictionary()


def can_run_beside(layer: nn.Module) -> bool:
    """Whether a layer is one beside which factors can run."""
    if isinstance(layer, nn.Conv2d):
        return layer.groups == 1 and layer.padding_mode == "zeros"
    return isinstance(layer, nn.Linear)


class Beside:
    """Factors that run beside one layer, where that layer computes and in its number type.

    They hang on the layer as plain tensors, so that a compiled network takes others of the same shapes as
    they come.
    """

    def __init__(self, layer: nn.Module, steps: Sequence[Step]) -> None:
        self.layer = layer
        self.steps = tuple(steps)
        weight = layer.get_parameter("weight")
        chains = [_chain(step.factors, step.strength) for step in steps if step.factors is not None]
        assert len(chains) == len(steps)
        self.chains = tuple(
            tuple(factor.to(weight.device, weight.dtype) for factor in chain) for chain in _joined(chains)
        )

    @property
    def size_bytes(self) -> int:
        """Bytes of the factors."""
        return sum(factor.numel() * factor.element_size() for chain in self.chains for factor in chain)

    def install(self, undo: ExitStack) -> None:
        """Hang the factors on the layer, beside those that hang there."""
        present = self.layer.__dict__.get(CHAINS)
        if present is None:
            handle = self.layer.register_forward_hook(run_beside)
            undo.callback(handle.remove)
            undo.callback(self.layer.__dict__.pop, CHAINS)
        else:
            undo.callback(self.layer.__dict__.__setitem__, CHAINS, present)
        self.layer.__dict__[CHAINS] = (*(present or ()), *self.chains)

    def stand_in(self, undo: ExitStack) -> None:
        """Run beside the layer in the place of a changed weight, so that later changes find it."""
        _beside.setdefault(self.layer, []).append(self)
        undo.callback(_beside[self.layer].remove, self)
        self.install(undo)


def run_beside(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
    """The output of a layer and what its factors make of the input.

    Inputs are (B, ..., in) of a linear layer or (B, in, h, w) of a convolution.
    """
    x = inputs[0]
    with torch.no_grad():
        for chain in layer.__dict__[CHAINS]:
            if isinstance(layer, nn.Linear) and output.dtype == x.dtype and output.is_contiguous():
                # What the layer gave is new, so that it can be added to where it is.
                middle = _through(layer, chain[:-1], x)
                last = chain[-1].to(x.device, x.dtype).flatten(1)
                output.view(-1, output.shape[-1]).addmm_(middle.reshape(-1, middle.shape[-1]), last.t())
            else:
                output = output + _through(layer, chain, x)
        return output


def _through(layer: nn.Module, chain: Sequence[Tensor], x: Tensor) -> Tensor:
    factors = [factor.to(x.device, x.dtype) for factor in chain]
    if isinstance(layer, nn.Linear):
        for factor in factors:
            x = linear(x, factor.flatten(1))
        return x
    assert isinstance(layer, nn.Conv2d)
    wide = max(range(len(factors)), key=lambda index: factors[index].shape[2:].numel())
    for index, factor in enumerate(factors):
        square = factor if factor.ndim == 4 else factor[:, :, None, None]
        if index == wide:
            x = conv2d(x, square, None, layer.stride, layer.padding, layer.dilation)
        else:
            x = conv2d(x, square)
    return x


def besides(network: nn.Module) -> Iterator[Beside]:
    """Everything that runs beside layers of a network now."""
    for layer in network.modules():
        yield from _beside.get(layer, ())


def beside_layer(layer: nn.Module) -> tuple[Step, ...]:
    """What runs beside a layer now."""
    return tuple(step for beside in _beside.get(layer, ()) for step in beside.steps)


def _chain(product: LowRank, strength: float) -> list[Tensor]:
    """The factors in the order in which an input meets them, in float32, scale in the last."""
    scale = strength if product.alpha is None else strength * product.alpha / product.down.shape[0]
    middle = [] if product.mid is None else [product.mid.float()]
    return [product.down.float(), *middle, product.up.float() * scale]


def _joined(chains: list[list[Tensor]]) -> list[list[Tensor]]:
    """Chains of which those of two factors of the same kinds are one."""
    plain = [chain for chain in chains if len(chain) == 2]
    kinds = {(chain[0].shape[1:], chain[1].shape[2:]) for chain in plain}
    if len(plain) < 2 or len(kinds) > 1:
        return chains
    joined = [torch.cat([chain[0] for chain in plain]), torch.cat([chain[1] for chain in plain], dim=1)]
    return [joined, *(chain for chain in chains if len(chain) > 2)]
