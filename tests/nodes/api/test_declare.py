from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import pytest

from nodes.api.catalogue import object_info
from nodes.api.context import Context
from nodes.api.declare import Node, code_version, node, node_of
from nodes.api.errors import DeclarationError
from nodes.api.sockets import AnyValue, Image, Latent, Lazy, Mask, Model, Socket
from nodes.api.spec import MISSING
from nodes.api.widgets import Choice, File, Grow, Hint, Range, Seed, SeedWidget, Text, Toggle

T = TypeVar("T")
Picture = TypeVar("Picture", Image, Mask)
Bound = TypeVar("Bound", bound=Image)
Anything = TypeVar("Anything", bound=Any)


@node(id="Blend", category="mixing", aliases=("Mix",), experimental=True, deprecated=True)
def blend(
    ctx: Context,
    base: Image,
    over: Image,
    opacity: Annotated[float, Range(0, 1, step=0.01)] = 0.5,
    mask: Mask | None = None,
) -> Image:
    """Mix two images
    of the same size.

    More about it.

    Args:
        base: (B, H, W, 3),
            values in [0, 1].
        over: same shape as base.

    Returns:
        The mixed image.
    """
    return base


def spec_of(function):
    return node()(function).node.spec


def inputs_of(function):
    return {entry.name: entry for entry in spec_of(function).inputs}


def outputs_of(function):
    return [(entry.name, entry.type) for entry in spec_of(function).outputs]


def test_the_function_stays_as_it_is():
    assert blend(None, 3, 4) == 3
    entry = node_of(blend)
    assert isinstance(entry, Node)
    assert entry.function is blend
    assert entry.wants_context
    assert not entry.is_async
    assert not entry.returns_tuple


def test_the_signature_is_the_schema():
    spec = node_of(blend).spec
    assert (spec.id, spec.display_name, spec.category) == ("Blend", "Blend", "mixing")
    assert spec.description == "Mix two images of the same size."
    assert [(entry.name, entry.type, entry.section) for entry in spec.inputs] == [
        ("base", "IMAGE", "required"),
        ("over", "IMAGE", "required"),
        ("opacity", "FLOAT", "required"),
        ("mask", "MASK", "optional"),
    ]
    assert spec.inputs[0].tooltip == "(B, H, W, 3), values in [0, 1]."
    assert spec.inputs[0].default is MISSING
    assert spec.inputs[2].default == 0.5
    assert spec.inputs[3].default is None
    assert (spec.outputs[0].name, spec.outputs[0].tooltip) == ("IMAGE", "The mixed image.")
    assert spec.aliases == ("Mix",)
    assert spec.experimental
    assert spec.deprecated
    assert spec.pure
    assert not spec.wants_list


def test_a_node_is_called_by_its_id_where_nobody_gave_it_another_name():
    @node(id="MaskThing")
    def invert(image: Image) -> Image:
        """Invert."""

    assert invert.node.spec.display_name == "MaskThing"


def test_names_come_from_the_function_and_its_module():
    @node()
    def upscale_twice(image: Image) -> Image:
        """Upscale."""

    spec = upscale_twice.node.spec
    assert (spec.id, spec.display_name) == ("upscale_twice", "Upscale twice")
    assert spec.category == spec.module.split(".")[0]
    upscale_twice.__module__ = "nodes.image.resize"
    spec = spec_of(upscale_twice)
    assert spec.category == "image"
    assert object_info(spec, list)["python_module"] == "nodes"


def test_annotations_are_sockets_and_widgets():
    def function(
        number: int,
        share: float,
        words: str,
        flag: bool,
        seed: Seed,
        prompt: Text,
        noise: Annotated[int, Seed(tooltip="start")],
        kind: Annotated[str, Choice(["a", "b"])],
        word: Literal["c", "d"],
        size: Annotated[int, Choice((1, 2))],
        mixed: Annotated[Any, Choice((1, "x"))],
        model: Annotated[str, File("checkpoints")],
        switch: Annotated[bool, Toggle("on", "off")],
        anything: AnyValue,
        custom: Annotated[Any, Socket("THING")],
        either: Image | Mask,
        whole: list[Latent],
        same: T,
        picture: Picture,
        bound: Bound,
        loose: Anything,
        described: Annotated[Image, "a remark", Hint(tooltip="said", extra={"x": 1})],
        socket: Annotated[float, Hint(socket_only=True, optional=True)] = 2.0,
        left_out: Image | None = None,
        *rest: Annotated[Image, Grow("picture", 2, 9)],
    ) -> None:
        """Take everything."""

    entries = inputs_of(function)
    types = {name: entry.type for name, entry in entries.items()}
    assert types == {
        "number": "INT",
        "share": "FLOAT",
        "words": "STRING",
        "flag": "BOOLEAN",
        "seed": "INT",
        "prompt": "STRING",
        "noise": "INT",
        "kind": "COMBO",
        "word": "COMBO",
        "size": "COMBO",
        "mixed": "COMBO",
        "model": "COMBO",
        "switch": "BOOLEAN",
        "anything": "*",
        "custom": "THING",
        "either": "IMAGE,MASK",
        "whole": "LATENT",
        "same": "*",
        "picture": "IMAGE,MASK",
        "bound": "IMAGE",
        "loose": "*",
        "described": "IMAGE",
        "socket": "FLOAT",
        "left_out": "IMAGE",
        "rest": "IMAGE",
    }
    assert entries["seed"].widget == SeedWidget()
    assert entries["prompt"].widget == Text()
    assert entries["word"].widget == Choice(("c", "d"))
    assert entries["noise"].tooltip == "start"
    assert entries["whole"].is_list
    assert [name for name, entry in entries.items() if entry.type_variable] == [
        "same",
        "picture",
        "bound",
        "loose",
    ]
    assert entries["described"].tooltip == "said"
    assert entries["described"].options == {"x": 1}
    assert entries["socket"].options == {"forceInput": True}
    assert (entries["socket"].section, entries["left_out"].section) == ("optional", "optional")
    assert entries["rest"].variadic
    assert entries["rest"].options == {"prefix": "picture", "min": 2, "max": 9}
    assert not spec_of(function).wants_list
    assert spec_of(function).input("rest.picture3") is spec_of(function).input("rest") or (
        spec_of(function).input("rest.picture3").name == "rest"
    )
    assert spec_of(function).input("nothing") is None


def test_a_growing_input_is_named_after_its_parameter():
    def function(*images: Image) -> None:
        """Take images."""

    assert inputs_of(function)["images"].options == {"prefix": "image", "min": 1, "max": 50}


def test_lazy_inputs_belong_to_async_functions():
    async def function(on_true: Lazy[T], on_false: Lazy[Image] | None = None) -> T:
        """Choose."""
        return await on_true

    entries = inputs_of(function)
    assert entries["on_true"].lazy
    assert entries["on_true"].type_variable == "T"
    assert entries["on_false"].lazy
    assert entries["on_false"].section == "optional"
    assert node_of(function).is_async

    def wrong(on_true: Lazy[Image]) -> Image:
        """Choose."""

    with pytest.raises(DeclarationError, match="on_true is lazy, so the function must be 'async def'"):
        node()(wrong)


class Loaded(NamedTuple):
    """A checkpoint."""

    model: Model
    latent: list[Latent]


def test_the_return_annotation_names_the_outputs():
    def nothing() -> None:
        """Give nothing."""

    def one() -> Image:
        """Give one."""

    def two() -> tuple[Image, Mask]:
        """Give two."""

    def named() -> Loaded:
        """Give two with names."""

    assert outputs_of(nothing) == []
    assert outputs_of(one) == [("IMAGE", "IMAGE")]
    assert outputs_of(two) == [("IMAGE", "IMAGE"), ("MASK", "MASK")]
    assert outputs_of(named) == [("model", "MODEL"), ("latent", "LATENT")]
    assert node_of(named).returns_tuple
    assert node_of(named).spec.outputs[1].is_list
    spec = node(outputs=("left", "right"))(two).node.spec
    assert [entry.name for entry in spec.outputs] == ["left", "right"]
    with pytest.raises(DeclarationError, match="2 outputs but 1 names"):
        node(outputs=("left",))(two)


def wrong_default_int(x: int = "3") -> None:
    """X."""


def wrong_default_bool(x: int = True) -> None:
    """X."""


def wrong_default_range(x: Annotated[int, Range(1, 5)] = 6) -> None:
    """X."""


def wrong_default_seed(x: Seed = -1) -> None:
    """X."""


def wrong_default_choice(x: Annotated[str, Choice("ab")] = "c") -> None:
    """X."""


def wrong_default_none(x: Image = None) -> None:
    """X."""


def no_default(x: Image | None) -> None:
    """X."""


def no_annotation(x) -> None:
    """X."""


def no_return(x: Image):
    """X."""


def no_docstring(x: Image) -> None: ...


def only_arguments(x: Image) -> None:
    """Args:
    x: something
    """


def strange_annotation(x: bytes) -> None:
    """X."""


def unknown_name(x: "Nowhere") -> None:  # noqa: F821
    """X."""


def keyword_arguments(**x: Image) -> None:
    """X."""


def positional_only(x: Image, /) -> None:
    """X."""


def late_context(x: Image, ctx: Context) -> None:
    """X."""


def wrong_widget(x: Annotated[str, Range(0, 1)]) -> None:
    """X."""


def list_of_lists(x: list[list[Image]]) -> None:
    """X."""


def endless_tuple() -> tuple[Image, ...]:
    """X."""


def described_stranger(x: Image) -> None:
    """X.

    Args:
        y: not there
    """


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (wrong_default_int, "default '3' is no INT"),
        (wrong_default_bool, "default True is no INT"),
        (wrong_default_range, "default 6 is not between 1 and 5"),
        (wrong_default_seed, "default -1 is not between 0 and 18446744073709551615"),
        (wrong_default_choice, r"default 'c' is not among \('a', 'b'\)"),
        (wrong_default_none, r"None is no value of IMAGE; write '\| None'"),
        (no_default, "an optional input needs a default"),
        (no_annotation, "parameter x: has no annotation"),
        (no_return, "return value: has no annotation; write '-> None'"),
        (no_docstring, "needs a docstring"),
        (only_arguments, "needs a docstring"),
        (strange_annotation, "is neither a socket type"),
        (unknown_name, "an annotation cannot be read: name 'Nowhere' is not defined"),
        (keyword_arguments, r"neither \*\*x nor '/' can be one"),
        (positional_only, "can be one"),
        (late_context, "the context must be the first parameter"),
        (wrong_widget, "Range goes with INT or FLOAT, not with STRING"),
        (list_of_lists, "a list of lists cannot travel on a link"),
        (endless_tuple, r"'list\[X\]' is a list output"),
        (described_stranger, "'Args:' describes y, but the parameters are x"),
    ],
)
def test_a_function_that_cannot_be_a_node_is_refused_with_a_reason(function, message):
    with pytest.raises(DeclarationError, match=message) as caught:
        node()(function)
    assert function.__qualname__ in str(caught.value)


def test_hidden_inputs_are_named():
    def function() -> None:
        """X."""

    assert node(hidden=("prompt", "extra_pnginfo"))(function).node.spec.hidden == {
        "prompt": "PROMPT",
        "extra_pnginfo": "EXTRA_PNGINFO",
    }
    with pytest.raises(DeclarationError, match=r"hidden \['secret'\] is not among"):
        node(hidden=("secret",))(function)


def test_a_node_with_its_own_fingerprint_is_not_pure():
    def function() -> None:
        """X."""

    assert not node(fingerprint=lambda: 1)(function).node.spec.pure


def test_the_code_version_changes_with_the_code_and_not_with_its_place():
    def version(text):
        scope = {}
        exec(text, scope)
        return code_version(scope["f"].__code__)

    first = version("def f(x):\n    return x + 1\n")
    assert version("\n\n\ndef f(x):\n    return x + 1\n") == first
    assert version("def f(x):\n    return x + 2\n") != first
    assert version("def f(x):\n    return x - 1\n") != first
    nested = version("def f(x):\n    def g(y):\n        return y in {'a', 'b', 'c'}\n    return g(x)\n")
    assert nested != version(
        "def f(x):\n    def g(y):\n        return y in {'a', 'b', 'd'}\n    return g(x)\n"
    )
