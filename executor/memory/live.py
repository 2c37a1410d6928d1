"""Counts the memory of tensors that live at one time, whatever device they are on, also where none is."""

import weakref
from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Within the block, counts the bytes of every tensor that operations make, until it is let go of.

    Views count nothing. It counts on the meta device too, where tensors have sizes and no memory: there a
    network can be run for its appetite alone.

    Attributes:
        live: bytes of what lives now.
        peak: the most that lived at one time.
    """

    def __init__(self, known: Iterable[Tensor] = ()) -> None:
        """`known` are tensors (any shape) that were there before and are not counted."""
        super().__init__()  # type: ignore[no-untyped-call]  # torch says no types of it
        self.live: int = 0
        self.peak: int = 0
        self._known = {tensor.untyped_storage()._cdata for tensor in known}
        self._watched: dict[int, weakref.ref[Any]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation of torch and count what it made."""
        del types
        made = func(*args, **(kwargs or {}))
        for value in tree_leaves(made):
            if type(value) is Tensor:
                self._watch(value)
        return made

    def _watch(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        name = storage._cdata
        if name in self._watched or name in self._known:
            return
        size = storage.nbytes()
        self._watched[name] = weakref.ref(storage, partial(self._forget, name, size))
        self.live += size
        self.peak = max(self.peak, self.live)

    def _forget(self, name: int, size: int, _: Any) -> None:
        self._watched.pop(name, None)
        self.live -= size


class FusedAttention(TorchFunctionMode):
    """Within the block, attention gives a result of the right shape and keeps no table of scores.

    So it is on devices that have a fused kernel; the meta device has none.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one function of torch."""
        del types
        kwargs = kwargs or {}
        if func is torch._fused_sdp_choice:
            return SDPBackend.FLASH_ATTENTION.value
        if func is not functional.scaled_dot_product_attention:
            return func(*args, **kwargs)
        named = dict(zip(("query", "key", "value"), args, strict=False)) | kwargs
        query, value = named["query"], named["value"]
        *batch, heads, tokens, _ = query.shape
        # Laid out as the fused kernels do it: heads beside each other.
        made = torch.empty(*batch, tokens, heads, value.shape[-1], dtype=query.dtype, device=query.device)
        return made.transpose(-2, -3)
