"""Says what a control network gives to the network that it controls.

Shapes: B batch, C channels, h and w cells.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor

from models.blank import is_blank

logger = logging.getLogger(__name__)


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

    def now(self) -> "ControlResiduals":
        """Itself."""
        return self

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

    def to_input(self, x: Tensor, index: int) -> Tensor:
        """The features (B, C, h, w) after the block `index` of the way down, with what is added to them."""
        return _added(x, self.input_at(index))

    def to_middle(self, x: Tensor) -> Tensor:
        """The features (B, C, h, w) after the middle, with what is added to them."""
        return _added(x, self.middle)

    def to_skip(self, skip: Tensor, index: int, x: Tensor) -> Tensor:
        """A skip (B, C, h, w) that is joined with x (B, C', h, w), with what is added to it."""
        return _added(skip, self.output_at(index))


class DeferredResiduals:
    """What control networks give; what they add to the middle and to skips is computed when it is added.

    It is not computed in a step in which a patch leaves out all that these would be added to.
    """

    def __init__(
        self, compute: Callable[[], ControlResiduals], given: tuple[Tensor | None, ...] = ()
    ) -> None:
        """`compute` is asked once, or never; `given` is what it adds on the way down, (B, C, h, w) each."""
        self._compute = compute
        self._computed: ControlResiduals | None = None
        self.input = given

    def now(self) -> ControlResiduals:
        """All of it, computed."""
        if self._computed is None:
            self._computed = self._compute()
        return self._computed

    def each(self, change: Callable[[Tensor], Tensor]) -> "DeferredResiduals":
        """The same with every feature map changed."""
        known = ControlResiduals(input=self.input).each(change).input
        return DeferredResiduals(lambda: self.now().each(change), known)

    def to_input(self, x: Tensor, index: int) -> Tensor:
        """The features (B, C, h, w) after the block `index` of the way down, with what is added to them."""
        return ControlResiduals(input=self.input).to_input(x, index)

    def to_middle(self, x: Tensor) -> Tensor:
        """The features (B, C, h, w) after the middle, with what is added to them."""
        return x if is_blank(x) else self.now().to_middle(x)

    def to_skip(self, skip: Tensor, index: int, x: Tensor) -> Tensor:
        """A skip (B, C, h, w) that is joined with x (B, C', h, w), with what is added to it."""
        return skip if is_blank(x) else self.now().to_skip(skip, index, x)


Residuals = ControlResiduals | DeferredResiduals
"""What is added inside a UNet, known or to be asked for."""


def summed(parts: Sequence[Residuals]) -> Residuals | None:
    """The sum of what several control networks give, or None of none."""
    if len(parts) <= 1:
        return parts[0] if parts else None
    known = [part for part in parts if isinstance(part, ControlResiduals)]
    if len(known) == len(parts):
        return _total(known)
    early = _total([ControlResiduals(input=part.input) for part in parts]).input
    return DeferredResiduals(lambda: _total([part.now() for part in parts]), early)


def _total(parts: Sequence[ControlResiduals]) -> ControlResiduals:
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


def _added(x: Tensor, residual: Tensor | None) -> Tensor:
    """Features (B, C, h, w) and what is added to them; residuals of another size are left out.

    A patch that shrinks features inside the network makes sizes differ, and nothing else should.
    """
    if residual is None:
        return x
    if residual.shape[1:] != x.shape[1:]:
        _tell_of_sizes(tuple(residual.shape[1:]), tuple(x.shape[1:]))
        return x
    return x + residual.to(x)


@lru_cache
def _tell_of_sizes(residual: tuple[int, ...], features: tuple[int, ...]) -> None:
    """Warn, once for each pair of sizes."""
    logger.warning("A control of size %s is left out, because the features have size %s", residual, features)
