"""Says what a control network gives to the network that it controls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class ControlResiduals:
    """Features to be added inside a UNet; None stands for nothing.

    Attributes:
        input: one a block on the way down, added after it (T2I-Adapter).
        middle: added after the middle.
        output: added to the skips in the order in which the way up takes them, deepest first (ControlNet).
    """

    input: tuple[Tensor | None, ...] = ()
    middle: Tensor | None = None
    output: tuple[Tensor | None, ...] = ()

    def each(self, change: Callable[[Tensor], Tensor]) -> "ControlResiduals":
        """The same with every feature map changed."""

        def changed(value: Tensor | None) -> Tensor | None:
            return None if value is None else change(value)

        return ControlResiduals(
            tuple(changed(value) for value in self.input),
            changed(self.middle),
            tuple(changed(value) for value in self.output),
        )

    def input_at(self, index: int) -> Tensor | None:
        """What is added after the block `index` of the way down."""
        return self.input[index] if index < len(self.input) else None

    def output_at(self, index: int) -> Tensor | None:
        """What is added to the skip that the block `index` of the way up takes."""
        return self.output[index] if index < len(self.output) else None


def summed(parts: Sequence[ControlResiduals]) -> ControlResiduals | None:
    """The sum of what several control networks give, or None of none."""
    if len(parts) <= 1:
        return parts[0] if parts else None
    inputs = max(len(part.input) for part in parts)
    outputs = max(len(part.output) for part in parts)
    return ControlResiduals(
        tuple(_sum([part.input_at(index) for part in parts]) for index in range(inputs)),
        _sum([part.middle for part in parts]),
        tuple(_sum([part.output_at(index) for part in parts]) for index in range(outputs)),
    )


def _sum(values: Sequence[Tensor | None]) -> Tensor | None:
    total: Tensor | None = None
    for value in values:
        if value is not None:
            total = value if total is None else total + value
    return total
