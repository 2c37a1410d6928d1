"""Stands for what a module would have given in a step in which it is left out."""

from typing import Any

from torch import Tensor


class Blank:
    """Shapes of what a module gave, to be given again without numbers in them.

    So whatever is hooked on modules, and whatever is added to what they give, meets the sizes it knows.
    """

    def __init__(self, output: Any) -> None:
        """Of a tensor of any shape, or of a tuple."""
        self._is_single = isinstance(output, Tensor)
        self._shapes = [part.shape if isinstance(part, Tensor) else None for part in as_parts(output)]

    def like(self, tensor: Tensor) -> Any:
        """Nought of these shapes, typed like a tensor of any shape."""
        nought = tensor.new_zeros(())
        parts = tuple(None if shape is None else nought.expand(shape) for shape in self._shapes)
        return parts[0] if self._is_single else parts


def is_blank(tensor: Tensor) -> bool:
    """Whether a tensor of any shape stands for what was not computed: one number, repeated."""
    return tensor.ndim > 0 and not any(tensor.stride())


def as_parts(output: Any) -> tuple[Any, ...]:
    """What a module gave, as a tuple."""
    return tuple(output) if isinstance(output, tuple | list) else (output,)
