"""Puts the same few stacks of patches on a network again and again, without making changed weights anew."""

from collections.abc import Hashable, Iterable
from contextlib import ExitStack

from torch import nn

from models.adapters.patch import Patch, install
from models.adapters.weight_change import Made, WeightChange, made_by, put

_MOST_STACKS = 2


class KeptChanges:
    """What stacks of patches make of the weights of a network, kept beside it while they are in use.

    What stands on the network otherwise must not change as long as it lives.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._made: dict[Hashable, Made] = {}

    def forget_all_but(self, stacks: Iterable[tuple[Hashable, ...]]) -> None:
        """Give back the memory of stacks whose keys are not among these, and of all but the first two."""
        wanted = [stack for stack in dict.fromkeys(stacks) if stack][:_MOST_STACKS]
        self._made = {stack: made for stack, made in self._made.items() if stack in wanted}

    def install(self, patches: tuple[Patch, ...], undo: ExitStack) -> None:
        """Install patches, those that change weights first; `undo` restores the network exactly."""
        changes = [patch for patch in patches if isinstance(patch, WeightChange)]
        if changes:
            stack = tuple(patch.key for patch in patches)
            made = self._made.get(stack) or made_by(self._network, changes)
            if len(self._made) < _MOST_STACKS:
                self._made[stack] = made
            put(self._network, made, undo)
        install(self._network, tuple(patch for patch in patches if not isinstance(patch, WeightChange)), undo)
