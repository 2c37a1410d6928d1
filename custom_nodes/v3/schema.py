"""What is a V3 schema? Names, inputs, outputs and marks of a node class, and what a node returns."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from custom_nodes.host.graph_builder import ExecutionBlocker
from custom_nodes.v3.dynamic import MatchType, sections_of
from custom_nodes.v3.inputs import Input, Output


class Hidden(StrEnum):
    """What a node may know of the run."""

    unique_id = "UNIQUE_ID"
    prompt = "PROMPT"
    extra_pnginfo = "EXTRA_PNGINFO"
    dynprompt = "DYNPROMPT"
    auth_token_comfy_org = "AUTH_TOKEN_COMFY_ORG"
    api_key_comfy_org = "API_KEY_COMFY_ORG"


class HiddenHolder:
    """The hidden values of one call; what was not asked for is None."""

    def __init__(self, **values: Any) -> None:
        self.values = values

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "values":
            raise AttributeError(name)
        return self.values.get(name)


@dataclass
class Schema:
    """A node class in words."""

    node_id: str
    display_name: str | None = None
    category: str = "sd"
    inputs: list[Input] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    hidden: list[Hidden] = field(default_factory=list)
    description: str = ""
    is_input_list: bool = False
    is_output_node: bool = False
    is_deprecated: bool = False
    is_experimental: bool = False
    is_api_node: bool = False
    not_idempotent: bool = False
    enable_expand: bool = False
    search_aliases: Sequence[str] = ()
    essentials_category: str | None = None
    is_dev_only: bool = False

    def validate(self) -> None:
        """Raise ValueError if two inputs or two outputs share a name."""
        inputs = [entry.id for entry in self.inputs if not entry.is_dynamic]
        outputs = [entry.id for entry in self.outputs]
        for kind, names in (("input", inputs), ("output", outputs)):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{self.node_id}: more than one {kind} is called {', '.join(twice)}")
        for entry in self.inputs:
            entry.validate()

    def finalize(self) -> None:
        """Add what follows from the rest."""
        added: list[Hidden] = []
        if self.is_api_node:
            added += [Hidden.auth_token_comfy_org, Hidden.api_key_comfy_org]
        if self.is_output_node:
            added += [Hidden.prompt, Hidden.extra_pnginfo]
        self.hidden = [*self.hidden, *(kind for kind in added if kind not in self.hidden)]
        named: list[Output] = []
        for index, entry in enumerate(self.outputs or []):
            output = entry() if isinstance(entry, type) else entry
            if output.id is None:
                output.id = f"_{index}_{output.io_type}_"
            named.append(output)
        self.outputs = named

    def info(self, module: str) -> dict[str, Any]:
        """The entry of `/object_info`, as V3 nodes have it: all keys, None where nothing was said."""
        sections = sections_of(self.inputs)
        order = {name: list(entries) for name, entries in sections.items()}
        if self.hidden:
            sections["hidden"] = {kind.name: [kind.value] for kind in self.hidden}
            order["hidden"] = list(sections["hidden"])
        matches = [
            entry.template.template_id if isinstance(entry, MatchType.Output) else None
            for entry in self.outputs
        ]
        return {
            "input": sections,
            "input_order": order,
            "output": [entry.get_io_type() for entry in self.outputs],
            "output_is_list": [entry.is_output_list for entry in self.outputs],
            "output_name": [entry.display_name or entry.get_io_type() for entry in self.outputs],
            "output_tooltips": [entry.tooltip for entry in self.outputs],
            "output_matchtypes": matches if any(matches) else None,
            "name": self.node_id,
            "display_name": self.display_name,
            "description": self.description,
            "python_module": module,
            "category": self.category,
            "output_node": self.is_output_node,
            "deprecated": self.is_deprecated,
            "experimental": self.is_experimental,
            "api_node": self.is_api_node,
        }


class NodeOutput:
    """What a node returns: outputs, what to show, a graph to run instead, or a reason to hold back."""

    def __init__(
        self,
        *args: Any,
        ui: Any = None,
        expand: dict[str, Any] | None = None,
        block_execution: str | None = None,
    ) -> None:
        self.args = args
        self.ui = ui
        self.expand = expand
        self.block_execution = block_execution

    @property
    def result(self) -> tuple[Any, ...] | None:
        """The outputs, or None where there are none."""
        return self.args or None

    def __getitem__(self, index: int) -> Any:
        return self.args[index]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "NodeOutput":
        """The same from its dictionary form."""
        result = data.get("result")
        if isinstance(result, ExecutionBlocker):
            return cls(ui=data.get("ui"), expand=data.get("expand"), block_execution=result.message)
        return cls(*(result or ()), ui=data.get("ui"), expand=data.get("expand"))
