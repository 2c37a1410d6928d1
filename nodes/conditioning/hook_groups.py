"""Has several hooks hold at the same time."""

from functools import partial

from nodes.api.declare import node
from nodes.api.sockets import Hooks
from schedulers.hooks import Hooks as HooksValue

combine = partial(node, category="advanced/hooks/combine", experimental=True)


def together(*hooks: Hooks | None) -> Hooks:
    """Return hooks that hold at the same time; one that comes twice holds once."""
    return HooksValue().joined(*hooks)


@combine(id="CombineHooks2", display_name="Combine Hooks [2]")
def combine_two(
    hooks_A: Hooks | None = None,  # noqa: N803 - the names that saved workflows know
    hooks_B: Hooks | None = None,  # noqa: N803
) -> Hooks:
    """Have two hooks hold at the same time.

    Args:
        hooks_A: changes to networks.
        hooks_B: changes to networks.
    """
    return together(hooks_A, hooks_B)


@combine(id="CombineHooks4", display_name="Combine Hooks [4]")
def combine_four(
    hooks_A: Hooks | None = None,  # noqa: N803 - the names that saved workflows know
    hooks_B: Hooks | None = None,  # noqa: N803
    hooks_C: Hooks | None = None,  # noqa: N803
    hooks_D: Hooks | None = None,  # noqa: N803
) -> Hooks:
    """Have up to four hooks hold at the same time.

    Args:
        hooks_A: changes to networks.
        hooks_B: changes to networks.
        hooks_C: changes to networks.
        hooks_D: changes to networks.
    """
    return together(hooks_A, hooks_B, hooks_C, hooks_D)


@combine(id="CombineHooks8", display_name="Combine Hooks [8]")
def combine_eight(
    hooks_A: Hooks | None = None,  # noqa: N803 - the names that saved workflows know
    hooks_B: Hooks | None = None,  # noqa: N803
    hooks_C: Hooks | None = None,  # noqa: N803
    hooks_D: Hooks | None = None,  # noqa: N803
    hooks_E: Hooks | None = None,  # noqa: N803
    hooks_F: Hooks | None = None,  # noqa: N803
    hooks_G: Hooks | None = None,  # noqa: N803
    hooks_H: Hooks | None = None,  # noqa: N803
) -> Hooks:
    """Have up to eight hooks hold at the same time.

    Args:
        hooks_A: changes to networks.
        hooks_B: changes to networks.
        hooks_C: changes to networks.
        hooks_D: changes to networks.
        hooks_E: changes to networks.
        hooks_F: changes to networks.
        hooks_G: changes to networks.
        hooks_H: changes to networks.
    """
    return together(hooks_A, hooks_B, hooks_C, hooks_D, hooks_E, hooks_F, hooks_G, hooks_H)
