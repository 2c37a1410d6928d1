"""Plays a small network back from CUDA graphs, so that the processor starts it once and not layer by layer.

Reference: Nguyen et al. 2021, "Accelerating PyTorch with CUDA Graphs", pytorch.org; only networks whose
layers are too small to keep the device busy gain by it.
"""

import contextvars
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from models.adapters.compiled import CompiledBlocks, structure
from models.adapters.patch import Patch
from models.adapters.places import change_forward
from models.adapters.weight_change import exchanges
from models.packed.tensor import stored
from nodes.api.errors import NodeError

# Shapes of input for which graphs are kept; each holds the memory that the network computes in.
_MOST_GRAPHS = 4
_WARM_UPS = 3


class Capture(Protocol):
    """Records a computation; what it gives computes the same again in the same memory."""

    def __call__(self, compute: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Record."""
        ...


@dataclass(frozen=True)
class Graphed:
    """Records a network for each shape of input that it meets, and plays the recordings back.

    It runs as it is written where patches stand on it that are more than weights, where weights are streamed,
    where gradients are wanted, and for inputs that are no plain tensors. Other weights are recorded anew.
    """

    @property
    def key(self) -> Hashable:
        """It has no settings."""
        return ("cuda graphs",)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Have the network recorded when it runs next.

        Raises:
            NodeError: if it does not run on a CUDA device.
        """
        device = next((parameter.device for parameter in root.parameters()), torch.device("cpu"))
        if device.type != "cuda":
            raise NodeError(
                f"CUDA graphs need a CUDA device, and {type(root).__name__} runs on {device.type}"
            )
        change_forward(root, lambda forward: Recorded(root, forward, capture_on_cuda), undo)


WAYS: Mapping[str, Callable[[], Patch]] = MappingProxyType(
    {"inductor": CompiledBlocks, "cudagraphs": Graphed}
)


class Recorded:
    """The computation of a network, recorded for each shape of input."""

    def __init__(self, root: nn.Module, forward: Callable[..., Tensor], capture: Capture) -> None:
        self._root = root
        self._forward = forward
        self._capture = capture
        self._seen = -1
        self._weights: tuple[int, ...] | None = None
        self._recordings: OrderedDict[Hashable, _Recording] = OrderedDict()

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        form = None if torch.is_grad_enabled() else _form(args, kwargs)
        if form is None or not self._is_plain():
            return self._forward(*args, **kwargs)
        given = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
        recording = self._recordings.get(form)
        if recording is None:
            while len(self._recordings) >= _MOST_GRAPHS:
                self._recordings.popitem(last=False)
            recording = _Recording(self._forward, args, kwargs, self._capture)
            self._recordings[form] = recording
        self._recordings.move_to_end(form)
        return recording.play(given)

    def _is_plain(self) -> bool:
        """Whether nothing but weights is changed; recordings of other weights are let go of."""
        if self._seen == exchanges():
            return self._weights is not None
        self._seen = exchanges()
        weights = _places(self._root) if self._is_own() else None
        if weights != self._weights:
            self._recordings.clear()
        self._weights = weights
        return weights is not None

    def _is_own(self) -> bool:
        own = getattr(self._forward, "__func__", None) is type(self._root).forward
        return own and structure(self._root) is not None


class _Recording:
    """One computation with inputs of its own, into which others are copied."""

    def __init__(self, forward: Callable[..., Tensor], args: Any, kwargs: Any, capture: Capture) -> None:
        self._inputs: list[Tensor] = []

        def own(value: Any) -> Any:
            if isinstance(value, Tensor):
                value = value.clone()
                self._inputs.append(value)
            return value

        own_args = tuple(own(value) for value in args)
        own_kwargs = {name: own(value) for name, value in kwargs.items()}
        # In an empty context: what is remembered for a run, such as keys of its prompt, would stay.
        self._replay = contextvars.Context().run(capture, lambda: forward(*own_args, **own_kwargs))

    def play(self, given: list[Tensor]) -> Tensor:
        """The output for other inputs of the same shapes."""
        for mine, theirs in zip(self._inputs, given, strict=True):
            mine.copy_(theirs)
        return self._replay().clone()


def capture_on_cuda(compute: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """Record on the current CUDA device, after some runs in which libraries choose what they do."""
    with torch.no_grad():
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                compute()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            output = compute()

    def replay() -> Tensor:
        graph.replay()
        return output

    return replay


def _form(args: Any, kwargs: Any) -> Hashable | None:
    """Equal for inputs that one recording serves; None where something in them is no plain value."""
    rows: list[Hashable] = []
    for name, value in (*enumerate(args), *kwargs.items()):
        if isinstance(value, Tensor):
            rows.append((name, tuple(value.shape), value.stride(), value.dtype, value.device))
        elif value is None or isinstance(value, bool | int | float | str):
            rows.append((name, value))
        else:
            return None
    return tuple(rows)


def _places(root: nn.Module) -> tuple[int, ...]:
    """Where the numbers of all weights are."""
    tensors = (*root.parameters(), *root.buffers())
    return tuple(part.data_ptr() for tensor in tensors for part in stored(tensor))
