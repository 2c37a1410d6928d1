"""The socket types that V3 schemas name."""

from enum import Enum
from typing import Any, ClassVar

from custom_nodes.v3.inputs import Input, Output, UploadType, WidgetInput, as_value, make_type


class _Boolean(WidgetInput):
    options_of_kind: ClassVar = {"label_on": "label_on", "label_off": "label_off"}


class _Int(WidgetInput):
    options_of_kind: ClassVar = {
        "min": "min",
        "max": "max",
        "step": "step",
        "control_after_generate": "control_after_generate",
        "display_mode": "display",
    }


class _Float(WidgetInput):
    options_of_kind: ClassVar = {
        "min": "min",
        "max": "max",
        "step": "step",
        "round": "round",
        "display_mode": "display",
    }


class _String(WidgetInput):
    options_of_kind: ClassVar = {
        "multiline": "multiline",
        "placeholder": "placeholder",
        "dynamic_prompts": "dynamicPrompts",
    }
    always: ClassVar = {"multiline": False}


class _Choosing(WidgetInput):
    """A drop-down: its words are a list, or the members of an Enum."""

    options_of_kind: ClassVar = {
        "options": "options",
        "control_after_generate": "control_after_generate",
        "upload": "upload",
        "image_folder": "image_folder",
        "remote": "remote",
    }
    always: ClassVar = {"multiselect": False}

    def __init__(self, id: str, options: Any = None, *values: Any, **named: Any) -> None:
        words = options
        if isinstance(options, type) and issubclass(options, Enum):
            words = [member.value for member in options]
        super().__init__(id, *values, options=None if words is None else list(words), **named)

    def own_options(self) -> dict[str, Any]:
        """The words; an upload is a key of its own."""
        found = super().own_options()
        upload = found.pop("upload", None)
        found["options"] = [as_value(word) for word in found.get("options") or []]
        return found if upload is None else {**found, str(UploadType(upload)): True}


class _ChoosingMany(_Choosing):
    """A drop-down with several answers."""

    options_of_kind: ClassVar = {**_Choosing.options_of_kind, "placeholder": "placeholder", "chip": "chip"}
    always: ClassVar = {"multiselect": True, "multi_select": True}


class _ChosenOutput(Output):
    """An output that is one of several words."""

    def __init__(
        self,
        id: str | None = None,
        display_name: str | None = None,
        options: Any = None,
        tooltip: str | None = None,
        is_output_list: bool = False,
    ) -> None:
        super().__init__(id, display_name, tooltip, is_output_list)
        is_enum = isinstance(options, type) and issubclass(options, Enum)
        self.options = [member.value for member in options] if is_enum else options

    def get_io_type(self) -> Any:
        """The words themselves, where they are known."""
        return self.options or self.io_type


Boolean = make_type("Boolean", "BOOLEAN", bool, _Boolean)
Int = make_type("Int", "INT", int, _Int)
Float = make_type("Float", "FLOAT", float, _Float)
String = make_type("String", "STRING", str, _String)
Combo = make_type("Combo", "COMBO", str, _Choosing, _ChosenOutput)
MultiCombo = make_type("MultiCombo", "COMBO", list, _ChoosingMany, _ChosenOutput)
Webcam = make_type("Webcam", "WEBCAM", str, WidgetInput)

SOCKETS: dict[str, str] = {
    "Image": "IMAGE",
    "Mask": "MASK",
    "Latent": "LATENT",
    "Conditioning": "CONDITIONING",
    "Audio": "AUDIO",
    "Video": "VIDEO",
    "Model": "MODEL",
    "Clip": "CLIP",
    "Vae": "VAE",
    "ControlNet": "CONTROL_NET",
    "ClipVision": "CLIP_VISION",
    "ClipVisionOutput": "CLIP_VISION_OUTPUT",
    "StyleModel": "STYLE_MODEL",
    "Gligen": "GLIGEN",
    "UpscaleModel": "UPSCALE_MODEL",
    "LatentUpscaleModel": "LATENT_UPSCALE_MODEL",
    "Sampler": "SAMPLER",
    "Sigmas": "SIGMAS",
    "Noise": "NOISE",
    "Guider": "GUIDER",
    "AudioEncoder": "AUDIO_ENCODER",
    "AudioEncoderOutput": "AUDIO_ENCODER_OUTPUT",
    "Hooks": "HOOKS",
    "HookKeyframes": "HOOK_KEYFRAMES",
    "TimestepsRange": "TIMESTEPS_RANGE",
    "LatentOperation": "LATENT_OPERATION",
    "LoraModel": "LORA_MODEL",
    "LossMap": "LOSS_MAP",
    "Voxel": "VOXEL",
    "Mesh": "MESH",
    "SVG": "SVG",
    "FlowControl": "FLOW_CONTROL",
    "Accumulation": "ACCUMULATION",
    "Load3D": "LOAD_3D",
    "Load3DAnimation": "LOAD_3D_ANIMATION",
    "Load3DCamera": "LOAD3D_CAMERA",
    "WanCameraEmbedding": "WAN_CAMERA_EMBEDDING",
    "Photomaker": "PHOTOMAKER",
    "Point": "POINT",
    "FaceAnalysis": "FACE_ANALYSIS",
    "BBOX": "BBOX",
    "SEGS": "SEGS",
    "Tracks": "TRACKS",
    "MODEL_PATCH": "MODEL_PATCH",
    "AnyType": "*",
}
TYPES: dict[str, Any] = {name: make_type(name, io_type) for name, io_type in SOCKETS.items()}
AnyType = TYPES["AnyType"]


class MultiType:
    """An input that takes several types."""

    class Input(Input):
        """Its type is the list of their names; a widget given instead of an id stays a widget."""

        def __init__(self, id: Any, types: list[Any], *values: Any, **named: Any) -> None:
            self.widget = id if isinstance(id, Input) else None
            self.io_types = types
            if self.widget is None:
                super().__init__(id, *values, **named)
            else:
                source = self.widget
                super().__init__(
                    source.id,
                    source.display_name,
                    source.optional,
                    source.tooltip,
                    source.lazy,
                    source.extra_dict,
                    source.rawLink,
                )

        def get_io_type(self) -> str:
            """The names, each once; the widget's first."""
            first = [] if self.widget is None else self.widget.get_io_type().split(",")
            names = [name for kind in self.io_types for name in str(kind.io_type).split(",")]
            return ",".join(dict.fromkeys([*first, *names]))

        def own_options(self) -> dict[str, Any]:
            """Those of the widget."""
            if self.widget is None:
                return {}
            options = self.widget.own_options()
            return {**options, "widgetType": self.widget.get_io_type()}
