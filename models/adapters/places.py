"""Answers where in a network an adapter takes hold, and hooks it on there so that it leaves no trace."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from torch import Tensor, nn


def attentions(root: nn.Module, kind: str, below: str = "") -> list[str]:
    """Dotted names of a network's attentions of a kind, in the order in which it runs them.

    Args:
        root: the network.
        kind: "attn1" for attention of tokens to themselves, "attn2" for attention to the text.
        below: what the names start with.

    Raises:
        ValueError: if there is none.
    """
    found = [name for name, _ in root.named_modules() if name.endswith(f".{kind}") and name.startswith(below)]
    if not found:
        where = f" under {below!r}" if below else ""
        raise ValueError(
            f"{type(root).__name__} has no attention named {kind!r}{where}, so this patch has no place"
        )
    return found


def blocks(root: nn.Module, name: str) -> list[nn.Module]:
    """The numbered blocks of a UNet; raises ValueError for a network without such blocks."""
    found = getattr(root, name, None)
    if not isinstance(found, nn.ModuleList):
        raise ValueError(f"{type(root).__name__} has no {name}: this patch is for UNets")
    return list(found)


def change_inputs(module: nn.Module, change: Callable[..., tuple[Any, ...]], undo: ExitStack) -> None:
    """Let `change` turn the positional arguments of every call of a module into others."""
    handle = module.register_forward_pre_hook(lambda _, inputs: change(*inputs))
    undo.callback(handle.remove)


def change_output(module: nn.Module, change: Callable[..., Tensor], undo: ExitStack) -> None:
    """Let `change(output, *inputs)` turn what every call of a module gives into something else."""
    handle = module.register_forward_hook(lambda _, inputs, output: change(output, *inputs))
    undo.callback(handle.remove)


def change_forward(
    module: nn.Module, make: Callable[[Callable[..., Tensor]], Callable[..., Tensor]], undo: ExitStack
) -> None:
    """Let what `make` makes of a module's computation stand in for it, so that it can be left out."""
    own = module.__dict__.get("forward")
    if own is None:
        undo.callback(module.__dict__.pop, "forward")
    else:
        undo.callback(module.__dict__.__setitem__, "forward", own)
    module.__dict__["forward"] = make(module.forward)
