"""How can packs call our nodes as classes? Each is offered as a V1 class (the module `nodes` to packs)."""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import nodes
from custom_nodes.host.sampling import common_ksampler
from custom_nodes.host.state import get_context, get_host
from custom_nodes.v1.values import from_pack, to_pack
from nodes.api.catalogue import object_info
from nodes.api.declare import Node
from nodes.api.errors import NodeError

MAX_RESOLUTION = 16384
METHODS: Mapping[str, str] = {
    "CLIPLoader": "load_clip",
    "CLIPSetLastLayer": "set_last_layer",
    "CLIPTextEncode": "encode",
    "CLIPVisionEncode": "encode",
    "CLIPVisionLoader": "load_clip",
    "CheckpointLoaderSimple": "load_checkpoint",
    "ConditioningAverage": "addWeighted",
    "ConditioningCombine": "combine",
    "ConditioningConcat": "concat",
    "ConditioningSetArea": "append",
    "ConditioningSetAreaPercentage": "append",
    "ConditioningSetMask": "append",
    "ConditioningSetTimestepRange": "set_range",
    "ConditioningZeroOut": "zero_out",
    "ControlNetApply": "apply_controlnet",
    "ControlNetApplyAdvanced": "apply_controlnet",
    "ControlNetLoader": "load_controlnet",
    "DualCLIPLoader": "load_clip",
    "EmptyImage": "generate",
    "EmptyLatentImage": "generate",
    "ImageBatch": "batch",
    "ImageInvert": "invert",
    "ImagePadForOutpaint": "expand_image",
    "ImageScale": "upscale",
    "ImageScaleBy": "upscale",
    "InpaintModelConditioning": "encode",
    "KSampler": "sample",
    "KSamplerAdvanced": "sample",
    "LatentComposite": "composite",
    "LatentCrop": "crop",
    "LatentFlip": "flip",
    "LatentFromBatch": "frombatch",
    "LatentRotate": "rotate",
    "LatentUpscale": "upscale",
    "LatentUpscaleBy": "upscale",
    "LoadImage": "load_image",
    "LoadImageMask": "load_image",
    "LoraLoader": "load_lora",
    "LoraLoaderModelOnly": "load_lora_model_only",
    "PreviewImage": "save_images",
    "RepeatLatentBatch": "repeat",
    "SaveImage": "save_images",
    "SetLatentNoiseMask": "set_mask",
    "StyleModelApply": "apply_stylemodel",
    "StyleModelLoader": "load_style_model",
    "VAEDecode": "decode",
    "VAEDecodeTiled": "decode",
    "VAEEncode": "encode",
    "VAEEncodeForInpaint": "encode",
    "VAEEncodeTiled": "encode",
    "VAELoader": "load_vae",
    "unCLIPConditioning": "apply_adm",
}
"""The method by which packs call a class; all others are called by `execute`."""


class ClassMappings(MutableMapping[str, Any]):
    """All nodes as classes by id; packs may add their own."""

    def __init__(self) -> None:
        self.added: dict[str, Any] = {}
        self.made: dict[str, Any] = {}

    def __getitem__(self, node_id: str) -> Any:
        if node_id in self.added:
            return self.added[node_id]
        if node_id not in self.made:
            self.made[node_id] = make_class(get_host().nodes[node_id])
        return self.made[node_id]

    def __setitem__(self, node_id: str, cls: Any) -> None:
        self.added[node_id] = cls

    def __delitem__(self, node_id: str) -> None:
        del self.added[node_id]

    def __iter__(self) -> Iterator[str]:
        yield from dict.fromkeys([*get_host().nodes, *self.added])

    def __len__(self) -> int:
        return len({*get_host().nodes, *self.added})


def make_class(node: Node) -> Any:
    """A V1 class that does what a node does."""
    spec = node.spec
    own = getattr(getattr(node.function, "__self__", None), "cls", None)
    if own is not None:
        return own
    method = METHODS.get(spec.id, "execute")

    def run(self: Any, *values: Any, **inputs: Any) -> Any:
        return call(node, values, inputs)

    def input_types(cls: Any) -> dict[str, Any]:
        sections = object_info(spec, get_host().folders.names)["input"]
        return {
            name: {
                key: tuple(config) if isinstance(config, list) else config for key, config in entries.items()
            }
            for name, entries in sections.items()
        }

    return type(
        spec.id,
        (),
        {
            "__doc__": spec.description,
            "INPUT_TYPES": classmethod(input_types),
            "RETURN_TYPES": tuple(output.type for output in spec.offered),
            "RETURN_NAMES": tuple(output.name for output in spec.offered),
            "OUTPUT_IS_LIST": tuple(output.is_list for output in spec.offered),
            "OUTPUT_NODE": spec.output_node,
            "CATEGORY": spec.category,
            "FUNCTION": method,
            method: run,
        },
    )


def call(node: Node, values: tuple[Any, ...], inputs: Mapping[str, Any]) -> Any:
    """Call a node with values in the form of packs; gives a tuple, or a dictionary with what it shows."""
    if node.is_async:
        raise NodeError(f"{node.spec.id} waits for its inputs, so it cannot be called as a method")
    context = get_context()
    arguments = dict(zip([entry.name for entry in node.spec.inputs], values, strict=False)) | dict(inputs)
    for name in [name for name in arguments if node.spec.input(name) is None]:
        del arguments[name]
    for entry in node.spec.inputs:
        if entry.name in arguments:
            arguments[entry.name] = from_pack(arguments[entry.name], entry.type)
    shown: dict[str, Any] = dict(context.shown) if context is not None and hasattr(context, "shown") else {}
    leading = [context] if node.wants_context else []
    result = node.function(*leading, **arguments)
    if node.spec.output_node and hasattr(context, "shown"):
        new = {key: list(items) for key, items in context.shown.items() if items != shown.get(key)}
        context.shown.clear()
        context.shown.update(shown)
        return {"ui": new}
    results = tuple(result) if node.returns_tuple else (result,)
    return tuple(to_pack(value) for value in results)


NODE_CLASS_MAPPINGS = ClassMappings()
NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {}
LOADED_MODULE_DIRS: dict[str, str] = {}


def look_up(name: str) -> Any:
    """What packs find under a name in the module `nodes`."""
    constants = {
        "MAX_RESOLUTION": MAX_RESOLUTION,
        "NODE_CLASS_MAPPINGS": NODE_CLASS_MAPPINGS,
        "NODE_DISPLAY_NAME_MAPPINGS": NODE_DISPLAY_NAME_MAPPINGS,
        "LOADED_MODULE_DIRS": LOADED_MODULE_DIRS,
        "common_ksampler": common_ksampler,
    }
    if name in constants:
        return constants[name]
    if name == "EXTENSION_WEB_DIRS":
        return get_host().web_directories
    if not name.startswith("_") and name in get_host().nodes:
        return NODE_CLASS_MAPPINGS[name]
    raise AttributeError(f"module 'nodes' has no {name!r}")


def install() -> None:
    """Serve these names from the package `nodes`; only worker processes do this."""
    vars(nodes)["__getattr__"] = look_up


def uninstall() -> None:
    """Take the names away, and forget what packs added."""
    vars(nodes).pop("__getattr__", None)
    NODE_CLASS_MAPPINGS.added.clear()
    NODE_CLASS_MAPPINGS.made.clear()
    NODE_DISPLAY_NAME_MAPPINGS.clear()
    LOADED_MODULE_DIRS.clear()
