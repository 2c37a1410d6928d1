"""A pack in the app's own form."""

from nodes.api.declare import node


@node()
def pack_double(value: int) -> int:
    """Twice a number.

    Args:
        value: any number.
    """
    return 2 * value
