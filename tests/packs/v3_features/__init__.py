"""One V3 pack with every feature of schemas."""

from enum import Enum

import torch
from comfy_api.latest import ComfyAPISync, ComfyExtension, io, ui
from comfy_execution.graph_utils import ExecutionBlocker, GraphBuilder

api = ComfyAPISync()


class Colour(Enum):
    red = "red"
    green = "green"


class Everything(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="V3Everything",
            display_name="Everything of V3",
            category="tests/v3",
            description="Gives back what it gets.",
            inputs=[
                io.Int.Input("count", default=1, min=0, max=9, display_mode=io.NumberDisplay.slider),
                io.Combo.Input("colour", options=Colour, default=Colour.red),
                io.String.Input("word", tooltip="any word", extra_dict={"own_key": 1}),
                io.MultiType.Input(io.Float.Input("many", default=0.5), [io.Image, io.Mask]),
                io.Custom("MY_TYPE").Input("mine", optional=True),
            ],
            outputs=[io.String.Output("text", tooltip="all of it"), io.Int.Output(is_output_list=True)],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
            is_experimental=True,
        )

    @classmethod
    def execute(cls, count, colour, word, many, mine=None):
        hidden = cls.hidden
        text = (
            f"{count} {colour} {word} {many} {mine} {hidden.unique_id} {sorted(hidden.prompt)} {hidden.other}"
        )
        return io.NodeOutput(text, list(range(count)))


class Locked(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(node_id="V3Locked", outputs=[io.Int.Output()])

    @classmethod
    def execute(cls):
        cls.kept = 1
        return io.NodeOutput(1)


class Dynamic(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        sizes = [io.Int.Input("width", max=64), io.Int.Input("height", optional=True)]
        inner = io.DynamicCombo.Input("inner", options=[io.DynamicCombo.Option("deep", [io.Int.Input("x")])])
        return io.Schema(
            node_id="V3Dynamic",
            inputs=[
                io.Autogrow.Input("grow", io.Autogrow.TemplatePrefix(io.Int.Input("n"), "v", min=1, max=3)),
                io.DynamicCombo.Input(
                    "mode",
                    options=[
                        io.DynamicCombo.Option("size", sizes),
                        io.DynamicCombo.Option("nested", [inner]),
                    ],
                ),
            ],
            outputs=[io.String.Output()],
        )

    @classmethod
    def execute(cls, mode=None, grow=None):
        return (f"{grow} {mode}",)


template = io.MatchType.Template("T", [io.Int, io.String])


class Switch(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="V3Switch",
            inputs=[
                io.Boolean.Input("first"),
                io.MatchType.Input("a", template, lazy=True),
                io.MatchType.Input("b", template, lazy=True),
            ],
            outputs=[io.MatchType.Output(template, "out")],
        )

    @classmethod
    def check_lazy_status(cls, first, a=None, b=None):
        return ["a"] if first else ["b"]

    @classmethod
    def execute(cls, first, a, b):
        return io.NodeOutput(a if first else b)


class Checked(io.ComfyNode):
    runs = []  # noqa: RUF012

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="V3Checked", inputs=[io.Int.Input("value", max=5)], outputs=[io.Int.Output()]
        )

    @classmethod
    def validate_inputs(cls, value):
        return True if value < 100 else "value is far too large"

    @classmethod
    def fingerprint_inputs(cls, value):
        return float("nan") if value == 7 else value

    @classmethod
    async def execute(cls, value):
        cls.runs.append(value)
        return io.NodeOutput(len(cls.runs))


class KnowsItself(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="V3KnowsItself",
            inputs=[io.Int.Input("value", lazy=True)],
            outputs=[io.String.Output()],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
        )

    @classmethod
    def fingerprint_inputs(cls, value):
        return f"{value} {cls.hidden.unique_id} {cls.hidden.prompt}"

    @classmethod
    async def execute(cls, value):
        return io.NodeOutput(f"{value} {cls.hidden.unique_id}")


class Shows(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(node_id="V3Shows", inputs=[io.AnyType.Input("value")], is_output_node=True)

    @classmethod
    def execute(cls, value):
        api.execution.set_progress(1, 2)
        return io.NodeOutput(ui=ui.PreviewText(str(value)))


class ShowsImage(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(node_id="V3ShowsImage", inputs=[], is_output_node=True)

    @classmethod
    def execute(cls):
        return io.NodeOutput(ui=ui.PreviewImage(torch.zeros(2, 8, 8, 3), cls=cls))


class Saves(io.ComfyNode):
    """Saves in every way there is."""

    @classmethod
    def define_schema(cls):
        return io.Schema(node_id="V3Saves", inputs=[io.String.Input("how")], is_output_node=True)

    @classmethod
    def execute(cls, how):
        images = torch.stack([torch.zeros(8, 8, 3), torch.ones(8, 8, 3)])
        sound = {"waveform": torch.tensor([[[0.0, 1.0, -1.0]]]), "sample_rate": 8000}
        pictures, sounds = ui.ImageSaveHelper, ui.AudioSaveHelper
        ways = {
            "png": lambda: pictures.get_save_animated_png_ui(images, "moving", cls, 10.0, 4),
            "webp": lambda: pictures.get_save_animated_webp_ui(images, "moving", cls, 4.0, True, 80, 4),
            "still": lambda: pictures.get_save_images_ui(images, "still", cls),
            "mask": lambda: ui.PreviewMask(images[..., 0]),
            "wav": lambda: sounds.get_save_audio_ui(sound, "sound", cls, format="wav"),
            "flac": lambda: sounds.get_save_audio_ui(sound, "sound", cls),
            "heard": lambda: ui.PreviewAudio(sound, cls=cls),
            "body": lambda: ui.PreviewUI3D("body.glb", {"x": 1}, bg_image=images),
        }
        return io.NodeOutput(ui=ways[how]())


class Expand(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="V3Expand",
            inputs=[io.Int.Input("value"), io.Boolean.Input("blocked")],
            outputs=[io.Int.Output()],
            enable_expand=True,
        )

    @classmethod
    def execute(cls, value, blocked):
        if blocked:
            return io.NodeOutput(block_execution="not today")
        graph = GraphBuilder()
        node = graph.node("V1Sum", numbers=value, plus=1)
        return io.NodeOutput(node.out(0), expand=graph.finalize())


class Blocks(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(node_id="V3Blocks", outputs=[io.Int.Output()])

    @classmethod
    def execute(cls):
        return ExecutionBlocker(None)


class Added(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        inputs = [
            io.Float.Input("scale", default=0.5, optional=True),
            io.Int.Input("own", default=5, optional=True),
        ]
        return io.Schema(node_id="V3Added", inputs=inputs, outputs=[io.String.Output()])

    @classmethod
    def execute(cls, scale, own=2):
        return io.NodeOutput(f"{scale} {own}")


class Extension(ComfyExtension):
    loaded = False

    async def on_load(self):
        Extension.loaded = True

    async def get_node_list(self):
        assert Extension.loaded
        return [
            Everything,
            Locked,
            Dynamic,
            Switch,
            Checked,
            KnowsItself,
            Shows,
            Saves,
            ShowsImage,
            Expand,
            Blocks,
            Added,
        ]


async def comfy_entrypoint():
    return Extension()
