"""Deeper."""

import utils


def depth():
    return f"deep in {utils.NAME}"
