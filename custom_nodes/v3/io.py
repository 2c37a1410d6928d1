"""What packs import as `io`: types, schemas, nodes and outputs under the names of `comfy_api.latest`."""

from typing import Any

from custom_nodes.v3.dynamic import Autogrow, DynamicCombo, DynamicGroup, DynamicSlot, MatchType
from custom_nodes.v3.inputs import (
    ComfyType,
    ComfyTypeIO,
    Custom,
    FolderType,
    Input,
    NumberDisplay,
    Output,
    RemoteOptions,
    UploadType,
    WidgetInput,
    comfytype,
)
from custom_nodes.v3.node import ComfyNode
from custom_nodes.v3.schema import Hidden, HiddenHolder, NodeOutput, Schema
from custom_nodes.v3.types import TYPES, Boolean, Combo, Float, Int, MultiCombo, MultiType, String, Webcam

ComfyTypeI = ComfyType
V3Data = dict[str, Any]
Image = TYPES["Image"]
Mask = TYPES["Mask"]
Latent = TYPES["Latent"]
Conditioning = TYPES["Conditioning"]
Audio = TYPES["Audio"]
Video = TYPES["Video"]
Model = TYPES["Model"]
Clip = TYPES["Clip"]
Vae = TYPES["Vae"]
ControlNet = TYPES["ControlNet"]
ClipVision = TYPES["ClipVision"]
ClipVisionOutput = TYPES["ClipVisionOutput"]
StyleModel = TYPES["StyleModel"]
Gligen = TYPES["Gligen"]
UpscaleModel = TYPES["UpscaleModel"]
LatentUpscaleModel = TYPES["LatentUpscaleModel"]
Sampler = TYPES["Sampler"]
Sigmas = TYPES["Sigmas"]
Noise = TYPES["Noise"]
Guider = TYPES["Guider"]
AudioEncoder = TYPES["AudioEncoder"]
AudioEncoderOutput = TYPES["AudioEncoderOutput"]
Hooks = TYPES["Hooks"]
HookKeyframes = TYPES["HookKeyframes"]
TimestepsRange = TYPES["TimestepsRange"]
LatentOperation = TYPES["LatentOperation"]
LoraModel = TYPES["LoraModel"]
LossMap = TYPES["LossMap"]
Voxel = TYPES["Voxel"]
Mesh = TYPES["Mesh"]
SVG = TYPES["SVG"]
FlowControl = TYPES["FlowControl"]
Accumulation = TYPES["Accumulation"]
Load3D = TYPES["Load3D"]
Load3DAnimation = TYPES["Load3DAnimation"]
Load3DCamera = TYPES["Load3DCamera"]
WanCameraEmbedding = TYPES["WanCameraEmbedding"]
Photomaker = TYPES["Photomaker"]
Point = TYPES["Point"]
FaceAnalysis = TYPES["FaceAnalysis"]
BBOX = TYPES["BBOX"]
SEGS = TYPES["SEGS"]
Tracks = TYPES["Tracks"]
MODEL_PATCH = TYPES["MODEL_PATCH"]
AnyType = TYPES["AnyType"]


def add_to_dict_v1(entry: Input, sections: dict[str, Any]) -> None:
    """Put an input where INPUT_TYPES of a V1 class has it."""
    section = "optional" if entry.optional else "required"
    sections.setdefault(section, {})[entry.id] = (entry.get_io_type(), entry.as_dict())


__all__ = [
    "BBOX",
    "MODEL_PATCH",
    "SEGS",
    "SVG",
    "Accumulation",
    "AnyType",
    "Audio",
    "AudioEncoder",
    "AudioEncoderOutput",
    "Autogrow",
    "Boolean",
    "Clip",
    "ClipVision",
    "ClipVisionOutput",
    "Combo",
    "ComfyNode",
    "ComfyType",
    "ComfyTypeI",
    "ComfyTypeIO",
    "Conditioning",
    "ControlNet",
    "Custom",
    "DynamicCombo",
    "DynamicGroup",
    "DynamicSlot",
    "FaceAnalysis",
    "Float",
    "FlowControl",
    "FolderType",
    "Gligen",
    "Guider",
    "Hidden",
    "HiddenHolder",
    "HookKeyframes",
    "Hooks",
    "Image",
    "Input",
    "Int",
    "Latent",
    "LatentOperation",
    "LatentUpscaleModel",
    "Load3D",
    "Load3DAnimation",
    "Load3DCamera",
    "LoraModel",
    "LossMap",
    "Mask",
    "MatchType",
    "Mesh",
    "Model",
    "MultiCombo",
    "MultiType",
    "NodeOutput",
    "Noise",
    "NumberDisplay",
    "Output",
    "Photomaker",
    "Point",
    "RemoteOptions",
    "Sampler",
    "Schema",
    "Sigmas",
    "String",
    "StyleModel",
    "TimestepsRange",
    "Tracks",
    "UploadType",
    "UpscaleModel",
    "V3Data",
    "Vae",
    "Video",
    "Voxel",
    "WanCameraEmbedding",
    "Webcam",
    "WidgetInput",
    "add_to_dict_v1",
    "comfytype",
]
