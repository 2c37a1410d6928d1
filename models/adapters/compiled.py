"""Lets `torch.compile` make the repeated blocks of a network faster, one compilation for all that are alike.

Reference: Ansel et al. 2024 (PyTorch 2, ASPLOS), doi:10.1145/3620665.3640366.
"""

import logging
import shutil
import types
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.adapters.beside import CHAINS, run_beside
from models.adapters.patch import stands_in
from models.adapters.places import change_forward
from models.adapters.weight_change import exchanges
from models.packed.tensor import Packed
from nodes.api.errors import NodeError

logger = logging.getLogger(__name__)

_MOST_KEPT = 256
# Resolutions and batches for which one kind of block may be compiled.
_MOST_VARIANTS = 32


@dataclass(frozen=True)
class CompiledBlocks:
    """Compiles the blocks of which a network has many.

    Weights are what a compiled block is given, so others of the same shapes need no new compilation. A block
    on which patches stand that are more than weights, or whose weights are streamed, runs as it is written
    as long as they do.

    Attributes:
        backend: the compiler, a name of `torch.compile`.
    """

    backend: str = "inductor"

    @property
    def key(self) -> Hashable:
        """Its compiler."""
        return ("compiled blocks", self.backend)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Have the blocks compiled when they run next.

        Raises:
            NodeError: if this machine has no compiler for it, or the network no blocks that repeat.
        """
        weight = next(root.parameters(), torch.empty(0))
        if lack := compiler_lack(self.backend, weight.device):
            raise NodeError(lack)
        blocks = list(repeated_blocks(root))
        if not blocks:
            raise NodeError(f"{type(root).__name__} has no blocks that repeat, so nothing would be compiled")
        torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, _MOST_VARIANTS)
        for block in blocks:
            change_forward(block, _maker(block, self.backend), undo)


def compiler_lack(backend: str, device: torch.device) -> str:
    """What this machine lacks to compile for a device, in a sentence; empty if nothing."""
    if backend != "inductor":
        return ""
    if device.type == "cpu":
        from torch._inductor.cpp_builder import get_cpp_compiler
        from torch._inductor.exc import InvalidCxxCompiler

        try:
            found = shutil.which(get_cpp_compiler())
        except (InvalidCxxCompiler, RuntimeError):
            found = None
        return (
            "" if found else "compiling for the processor needs a C++ compiler such as g++, and none is here"
        )
    from torch.utils._triton import has_triton

    return "" if has_triton() else f"compiling for {device.type} needs the package triton, which is not here"


def repeated_blocks(root: nn.Module) -> Iterator[nn.Module]:
    """The blocks that a network is made of: those it names itself, or the like members of its lists.

    A network names the types of its blocks in `repeated`; nothing inside a block is one itself.
    """
    named: tuple[type[nn.Module], ...] = getattr(root, "repeated", ())
    inside: set[nn.Module] = set()
    for module in root.modules():
        if module in inside:
            continue
        if isinstance(module, named):
            found = [module]
        elif not named and isinstance(module, nn.ModuleList) and _are_alike(module):
            found = list(module)
        else:
            continue
        for block in found:
            inside.update(block.modules())
            yield block


def _are_alike(members: nn.ModuleList) -> bool:
    return len(members) > 1 and len({type(member) for member in members}) == 1


def _maker(block: nn.Module, backend: str) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    return lambda forward: _Compiled(block, forward, backend)


class _Compiled:
    """The computation of one block: compiled when it first runs, if nothing but weights was changed in it."""

    def __init__(self, block: nn.Module, forward: Callable[..., Tensor], backend: str) -> None:
        self._block = block
        self._forward = forward
        self._backend = backend
        self._run = forward
        self._seen = -1

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        if self._seen != exchanges():
            # Torch does not look for hooks that came after it compiled.
            self._run, self._seen = self._chosen(), exchanges()
        if torch.is_grad_enabled():
            return self._forward(*args, **kwargs)
        return self._run(*args, **kwargs)

    def _chosen(self) -> Callable[..., Tensor]:
        block = self._block
        form = structure(block)
        is_own = getattr(self._forward, "__func__", None) is type(block).forward
        if form is None or not is_own:
            logger.debug("a %s runs as it is written: patches or streams stand in it", type(block).__name__)
            return self._forward
        compiled = _compiled((self._backend, form), self._backend)
        return lambda *args, **kwargs: compiled(block, *args, **kwargs)


def structure(block: nn.Module) -> Hashable | None:
    """Equal for blocks that one compilation serves; None for those with more than weights changed in them."""
    rows: list[Hashable] = []
    for name, module in block.named_modules():
        hooks = [hook for hook in module._forward_hooks.values() if hook is not run_beside]
        if hooks or module._forward_pre_hooks or stands_in(module):
            return None
        if name and "forward" in module.__dict__:
            return None
        beside = tuple(tuple(map(_kind, chain)) for chain in module.__dict__.get(CHAINS, ()))
        tensors = [*module._parameters.items(), *module._buffers.items()]
        held = tuple((key, _kind(tensor)) for key, tensor in tensors if tensor is not None)
        rows.append((name, type(module), beside, held))
    return tuple(rows)


def _kind(tensor: Tensor) -> Hashable:
    """What a compilation must know of a tensor (any shape)."""
    packing = tensor.format if isinstance(tensor, Packed) else type(tensor)
    return (packing, tuple(tensor.shape), tensor.dtype, tensor.device)


_made: "OrderedDict[Hashable, Callable[..., Tensor]]" = OrderedDict()


def _compiled(key: Hashable, backend: str) -> Callable[..., Tensor]:
    """The compiled computation of a structure; those not used for longest are forgotten."""
    if key not in _made:
        # A function of its own for each: torch keeps what it compiled by the code that it was compiled from.
        code = _run_block.__code__.replace(co_name=f"run_block_{len(_made)}")
        own = types.FunctionType(code, globals(), code.co_name)
        _made[key] = torch.compile(own, backend=backend)
    _made.move_to_end(key)
    while len(_made) > _MOST_KEPT:
        _made.popitem(last=False)
    return _made[key]


def _run_block(block: nn.Module, *args: Any, **kwargs: Any) -> Any:
    return type(block).forward(block, *args, **kwargs)
