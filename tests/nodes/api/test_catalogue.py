import json
import types
from typing import Annotated, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.api.catalogue import collect, object_info
from nodes.api.context import Context, SavedFile
from nodes.api.declare import node
from nodes.api.errors import DeclarationError, NodeError, OutOfMemory, WorkflowError
from nodes.api.sockets import AnyValue, Clip, Conditioning, Image, Latent, Lazy, Mask, Model
from nodes.api.spec import MISSING, InputSpec, NodeSpec, OutputSpec
from nodes.api.widgets import (
    SEED_MAXIMUM,
    Choice,
    File,
    Grow,
    Hint,
    Range,
    Seed,
    SeedWidget,
    Text,
    Toggle,
    widget_from_json,
    widget_to_json,
)

T = TypeVar("T")


@node(id="KSampler", display_name="KSampler", category="sampling", outputs=("LATENT",))
def ksampler(
    ctx: Context,
    model: Model,
    seed: Annotated[int, Seed(tooltip="the seed")] = 0,
    steps: Annotated[int, Range(1, 10_000)] = 20,
    cfg: Annotated[float, Range(0, 100, step=0.1, round=0.01)] = 8.0,
    *,
    sampler_name: Annotated[str, Choice(("euler", "heun"))],
    positive: Conditioning,
) -> Latent:
    """Denoise a latent.

    Args:
        model: the model
    """


@node(id="SaveImage", output_node=True, hidden=("prompt", "extra_pnginfo"))
def save_image(ctx: Context, images: Image, filename_prefix: str = "picture") -> None:
    """Save."""


@node(id="Prompt", aliases=("OldPrompt",), experimental=True, deprecated=True)
def prompt(text: Text, clip: Clip) -> Conditioning:
    """Encode.

    Returns:
        What was said.
    """


@node(id="LoadImage")
def load_image(image: Annotated[str, File("input", upload="image")]) -> tuple[Image, Mask]:
    """Load."""


@node(id="Odd")
async def odd(
    condition: Annotated[bool, Toggle("yes", "no")],
    on_true: Lazy[T],
    placeholder: Annotated[str, Text(False, False, "type here")] = "",
    slider: Annotated[int, Range(0, 9, step=3, display="slider", extra={"advanced": True})] = 3,
    source: Annotated[AnyValue | None, Hint(optional=True)] = None,
    *pictures: Annotated[Image, Grow("picture", 2, 5)],
) -> T:
    """Show the odd ones."""


def info(function, files=lambda folder: []):
    return object_info(function.node.spec, files)


def test_an_entry_has_the_shape_pages_read():
    assert info(ksampler) == {
        "input": {
            "required": {
                "model": ["MODEL", {"tooltip": "the model"}],
                "seed": [
                    "INT",
                    {
                        "default": 0,
                        "min": 0,
                        "max": 18446744073709551615,
                        "control_after_generate": True,
                        "tooltip": "the seed",
                    },
                ],
                "steps": ["INT", {"default": 20, "min": 1, "max": 10000}],
                "cfg": [
                    "FLOAT",
                    {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1, "round": 0.01},
                ],
                "sampler_name": [["euler", "heun"], {}],
                "positive": ["CONDITIONING", {}],
            }
        },
        "input_order": {"required": ["model", "seed", "steps", "cfg", "sampler_name", "positive"]},
        "output": ["LATENT"],
        "output_is_list": [False],
        "output_name": ["LATENT"],
        "name": "KSampler",
        "display_name": "KSampler",
        "description": "Denoise a latent.",
        "python_module": __name__,
        "category": "sampling",
        "output_node": False,
    }


def test_numbers_have_the_type_of_their_input():
    config = info(ksampler)["input"]["required"]["cfg"][1]
    assert type(config["min"]) is float
    assert type(info(ksampler)["input"]["required"]["steps"][1]["min"]) is int


def test_an_output_node_names_its_hidden_inputs():
    entry = info(save_image)
    assert entry["input"]["hidden"] == {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
    assert entry["input_order"]["hidden"] == ["prompt", "extra_pnginfo"]
    assert entry["output_node"] is True
    assert entry["output"] == []
    assert entry["input"]["required"]["filename_prefix"] == ["STRING", {"default": "picture"}]


def test_words_that_are_rare_are_left_out_unless_said():
    entry = info(prompt)
    assert entry["input"]["required"]["text"] == ["STRING", {"multiline": True, "dynamicPrompts": True}]
    assert entry["experimental"] is True
    assert entry["deprecated"] is True
    assert entry["search_aliases"] == ["OldPrompt"]
    assert entry["output_tooltips"] == ["What was said."]
    assert "deprecated" not in info(ksampler)


def test_file_lists_are_read_each_time():
    files = {"input": ["a.png"]}
    assert info(load_image, files.get)["input"]["required"]["image"] == [["a.png"], {"image_upload": True}]
    files["input"].append("b.png")
    assert info(load_image, files.get)["input"]["required"]["image"][0] == ["a.png", "b.png"]


def test_growing_lazy_and_matching_inputs_are_written_as_newer_pages_read_them():
    entry = info(odd)
    assert entry["input"] == {
        "required": {
            "condition": ["BOOLEAN", {"label_on": "yes", "label_off": "no"}],
            "on_true": [
                "COMFY_MATCHTYPE_V3",
                {"lazy": True, "template": {"template_id": "T", "allowed_types": "*"}},
            ],
            "placeholder": ["STRING", {"default": "", "multiline": False, "placeholder": "type here"}],
            "slider": [
                "INT",
                {"default": 3, "min": 0, "max": 9, "step": 3, "display": "slider", "advanced": True},
            ],
            "pictures": [
                "COMFY_AUTOGROW_V3",
                {
                    "template": {
                        "input": {"required": {"picture": ["IMAGE", {}]}},
                        "prefix": "picture",
                        "min": 2,
                        "max": 5,
                    }
                },
            ],
        },
        "optional": {"source": ["*", {}]},
    }
    assert entry["output"] == ["COMFY_MATCHTYPE_V3"]
    assert entry["output_matchtypes"] == ["T"]


def module(name, **values):
    created = types.ModuleType(name)
    vars(created).update(values)
    return created


def test_nodes_are_gathered_where_they_are_declared():
    here = module(__name__, a=ksampler, b=save_image, again=ksampler, number=3)
    elsewhere = module("elsewhere", a=ksampler)
    found = collect([here, elsewhere])
    assert found == {"KSampler": ksampler.node, "SaveImage": save_image.node}


def test_two_nodes_of_one_id_are_refused():
    @node(id="KSampler")
    def other() -> None:
        """X."""

    with pytest.raises(DeclarationError, match="two nodes are called KSampler"):
        collect([module(__name__, a=ksampler, b=other)])


@pytest.mark.parametrize("function", [ksampler, save_image, prompt, load_image, odd])
def test_a_spec_crosses_processes_as_json(function):
    spec = function.node.spec
    again = NodeSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert object_info(again, lambda folder: ["x"]) == info(function, lambda folder: ["x"])


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
extras = st.dictionaries(st.text(max_size=4), scalars, max_size=2)
texts = st.none() | st.text(max_size=4)
numbers = st.integers(-9, 9) | st.floats(-9, 9)
widgets = st.one_of(
    st.builds(Range, numbers, numbers, st.none() | numbers, st.none() | numbers, texts, texts, extras),
    st.builds(Choice, st.lists(scalars, max_size=3), texts, extras),
    st.builds(SeedWidget, st.booleans(), texts, extras),
    st.builds(Text, st.booleans(), st.booleans(), texts, texts, extras),
    st.builds(Toggle, texts, texts, texts, extras),
    st.builds(File, st.text(max_size=4), texts, texts, extras),
)
inputs = st.builds(
    InputSpec,
    name=st.text(max_size=4),
    type=st.text(max_size=4),
    section=st.sampled_from(["required", "optional"]),
    widget=st.none() | widgets,
    default=st.just(MISSING) | scalars,
    lazy=st.booleans(),
    is_list=st.booleans(),
    tooltip=texts,
    variadic=st.booleans(),
    type_variable=texts,
    options=extras,
)
outputs = st.builds(OutputSpec, st.text(max_size=4), st.text(max_size=4), st.booleans(), texts, texts)
specs = st.builds(
    NodeSpec,
    id=st.text(max_size=4),
    display_name=st.text(max_size=4),
    description=st.text(max_size=4),
    inputs=st.lists(inputs, max_size=3).map(tuple),
    outputs=st.lists(outputs, max_size=3).map(tuple),
    output_node=st.booleans(),
    hidden=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
    aliases=st.lists(st.text(max_size=3), max_size=2).map(tuple),
    pure=st.booleans(),
    code_version=st.text(max_size=3),
    wants_list=st.booleans(),
)


@given(specs)
def test_any_spec_crosses_processes_as_json(spec):
    assert NodeSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@given(widgets)
def test_any_widget_crosses_processes_as_json(widget):
    assert widget_from_json(json.loads(json.dumps(widget_to_json(widget)))) == widget


def test_a_seed_has_sixty_four_bits():
    assert SEED_MAXIMUM == 18446744073709551615


def test_errors_carry_what_a_person_needs():
    import pickle

    error = WorkflowError("bad", node_id="3", input_name="seed")
    assert (str(error), error.node_id, error.input_name, error.details) == ("bad", "3", "seed", "")
    memory = OutOfMemory(2_000_000, 1_000)
    assert str(memory) == "2,000,000 bytes were asked for but only 1,000 are free"
    assert isinstance(memory, NodeError)
    again = pickle.loads(pickle.dumps(memory))
    assert (again.requested_bytes, again.free_bytes, str(again)) == (2_000_000, 1_000, str(memory))


def test_a_saved_file_is_recorded_as_results_name_it(tmp_path):
    saved = SavedFile(tmp_path / "a.png", "a.png", "sub", "output")
    assert saved.record() == {"filename": "a.png", "subfolder": "sub", "type": "output"}
