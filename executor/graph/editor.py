"""Turns a graph as pages save it into the API form."""

from collections.abc import Mapping
from typing import Any

from nodes.api.spec import NodeSpec


def is_editor_form(data: Mapping[str, Any]) -> bool:
    """Whether JSON is a graph as pages save it: a list of nodes beside a list of links."""
    return isinstance(data.get("nodes"), list)


def convert(data: Mapping[str, Any], specs: Mapping[str, NodeSpec]) -> dict[str, Any]:
    """API JSON for an editor graph."""
    raise KeyError(len(data) + len(specs))
