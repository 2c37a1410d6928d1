"""The list of all nodes: gathered from modules, and written as the ecosystem's `/object_info`."""

from collections.abc import Iterable
from types import ModuleType
from typing import Any

from nodes.api.declare import Node
from nodes.api.errors import DeclarationError
from nodes.api.input_pairs import ListFiles, input_config
from nodes.api.spec import NodeSpec


def collect(modules: Iterable[ModuleType]) -> dict[str, Node]:
    """Every node that the modules themselves declare, by id; raises DeclarationError when two share one."""
    found: dict[str, Node] = {}
    for module in modules:
        for value in vars(module).values():
            entry = getattr(value, "node", None)
            if not isinstance(entry, Node) or entry.spec.module != module.__name__:
                continue
            other = found.setdefault(entry.spec.id, entry)
            if other is not entry:
                raise DeclarationError(
                    f"two nodes are called {entry.spec.id}: {other.spec.module} and {entry.spec.module}"
                )
    return found


def object_info(spec: NodeSpec, list_files: ListFiles) -> dict[str, Any]:
    """One entry of `/object_info`; `list_files(folder)` names the files that file widgets offer now."""
    sections: dict[str, dict[str, Any]] = {"required": {}}
    for entry in spec.inputs:
        if not entry.unlisted:
            sections.setdefault(entry.section, {})[entry.name] = input_config(entry, list_files)
    if spec.hidden:
        sections["hidden"] = dict(spec.hidden)
    info: dict[str, Any] = {
        "input": sections,
        "input_order": {section: list(entries) for section, entries in sections.items()},
        "output": [_output_type(entry.type, entry.type_variable) for entry in spec.offered],
        "output_is_list": [entry.is_list for entry in spec.offered],
        "output_name": [entry.name for entry in spec.offered],
        "name": spec.id,
        "display_name": spec.display_name,
        "description": spec.description,
        "python_module": "nodes" if spec.module.startswith("nodes.") else spec.module,
        "category": spec.category,
        "output_node": spec.output_node,
    }
    if more := _unlisted(spec, list_files):
        info["more"] = more
    if any(entry.tooltip for entry in spec.offered):
        info["output_tooltips"] = [entry.tooltip for entry in spec.offered]
    if any(entry.type_variable for entry in spec.offered):
        info["output_matchtypes"] = [entry.type_variable for entry in spec.offered]
    if spec.deprecated:
        info["deprecated"] = True
    if spec.experimental:
        info["experimental"] = True
    if spec.aliases:
        info["search_aliases"] = list(spec.aliases)
    return {**info, **spec.info}


def _unlisted(spec: NodeSpec, list_files: ListFiles) -> dict[str, Any]:
    """What only clients look for that know of it: inputs and outputs beyond those that all clients expect."""
    inputs = {entry.name: input_config(entry, list_files) for entry in spec.inputs if entry.unlisted}
    outputs = [entry for entry in spec.outputs if entry.unlisted]
    found: dict[str, Any] = {"input": {"optional": inputs}} if inputs else {}
    if outputs:
        found["output"] = [entry.type for entry in outputs]
        found["output_name"] = [entry.name for entry in outputs]
    return found


def _output_type(type_name: str, type_variable: str | None) -> str:
    return "COMFY_MATCHTYPE_V3" if type_variable else type_name
