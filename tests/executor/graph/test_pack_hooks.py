"""What specs of packs say of themselves is honoured by validation and fingerprints."""

from dataclasses import replace

import pytest

from executor.graph.fingerprint import fingerprints
from executor.graph.parse import parse
from executor.graph.types import is_compatible
from executor.graph.validate import validate
from executor.graph.verdicts import read_verdict
from nodes.api.declare import Node
from nodes.api.results import Blocked
from nodes.api.spec import InputSpec, NodeSpec, OutputSpec
from nodes.api.widgets import Choice, File, Range, Text
from tests.executor.graph.kit import list_files


def node(name, inputs=(), outputs=(), *, validate=None, fingerprint=None, idempotent=True, **spec):
    spec = NodeSpec(name, name, inputs=tuple(inputs), outputs=tuple(outputs), **spec)
    return Node(spec, lambda: None, fingerprint, validate, idempotent=idempotent)


SIZE = InputSpec("size", "INT", widget=Range(0, 10))
NODES = {
    entry.spec.id: entry
    for entry in [
        node("Number", outputs=[OutputSpec("INT", "INT"), OutputSpec("ODD", "ODD", type_anything=True)]),
        node("Match", outputs=[OutputSpec("M", "COMFY_MATCHTYPE_V3")]),
        node("Plain", [SIZE], output_node=True),
        node(
            "Own",
            [replace(SIZE, own_check=True), InputSpec("word", "COMBO", widget=Choice(("a",)), own_check=True),
             InputSpec("file", "COMBO", widget=File("input"), own_check=True)],
            output_node=True,
        ),
        node("Picture", [InputSpec("image", "IMAGE")], output_node=True),
        node("Anything", [InputSpec("image", "IMAGE", type_anything=True)], output_node=True),
        node("Open", [InputSpec("a", "INT", "optional")], undeclared_links=True, output_node=True),
    ]
}  # fmt: skip


def check(prompt, nodes=NODES):
    specs = {name: entry.spec for name, entry in nodes.items()}
    return validate(parse(prompt), specs, list_files, nodes=nodes)


def one(kind, nodes=NODES, **inputs):
    return check({"n": {"class_type": "Number"}, "x": {"class_type": kind, "inputs": inputs}}, nodes).problems


def test_a_node_that_checks_for_itself_escapes_bounds_and_choices_but_not_types():
    assert one("Plain", size=99)
    assert one("Own", size=99, word="zzz", file="gone.png") == ()
    assert [problem.type for problem in one("Own", size="no", word="a", file="")] == ["invalid_input_type"]


def test_types_that_claim_to_be_anything_fit():
    assert [problem.type for problem in one("Picture", image=["n", 0])] == ["return_type_mismatch"]
    assert one("Picture", image=["n", 1]) == ()
    assert one("Anything", image=["n", 0]) == ()
    assert is_compatible("COMFY_MATCHTYPE_V3", "IMAGE")
    assert is_compatible("IMAGE", "COMFY_MATCHTYPE_V3")
    assert not is_compatible("INT,FLOAT", "STRING, BOOLEAN")


def test_undeclared_links_are_checked_where_they_are_accepted():
    assert one("Open", other=["n", 0]) == ()
    assert [problem.input_name for problem in one("Open", other=["gone", 0])] == ["other"]
    assert [problem.input_name for problem in one("Open", other=["n", 7])] == ["other"]
    found = fingerprints(
        parse({"n": {"class_type": "Number"}, "x": {"class_type": "Open", "inputs": {"other": ["n", 0]}}}),
        NODES,
        lambda folder, name: None,
        ["x"],
    )
    assert set(found) == {"n", "x"}


def test_a_node_may_judge_the_types_of_its_links_itself():
    seen = []

    def judge(image, input_types):
        seen.append((image, input_types))
        return True if input_types["image"] == "INT" else "no"

    picky = node(
        "Picky", [InputSpec("image", "IMAGE")], validate=judge, own_link_check=True, output_node=True
    )
    nodes = {**NODES, "Picky": picky}
    assert one("Picky", nodes, image=["n", 0]) == ()
    assert seen == [(None, {"image": "INT"})]
    assert [problem.details for problem in one("Picky", nodes, image=["n", 1])] == ["image - no"]


@pytest.mark.parametrize(
    ("verdict", "details"),
    [(True, []), (None, []), (False, ["a", "b"]), ("bad", ["a - bad", "b - bad"]), (Blocked(), [])],
)
def test_verdicts_concern_all_that_was_shown(verdict, details):
    entries = [InputSpec("a", "INT"), InputSpec("b", "INT")]
    nodes = {"Judged": node("Judged", entries, validate=lambda **all_of_them: verdict, output_node=True)}
    problems = check({"x": {"class_type": "Judged", "inputs": {"a": 1, "b": 2}}}, nodes).problems
    assert [problem.details for problem in problems] == details
    assert read_verdict(verdict) == (None if not details else "" if verdict is False else "bad")


async def later(a):
    return f"{a} is bad"


def judged_later():
    return {"Later": node("Later", [InputSpec("a", "INT")], validate=later, output_node=True)}


def test_a_check_may_be_async():
    (problem,) = check({"x": {"class_type": "Later", "inputs": {"a": 1}}}, judged_later()).problems
    assert problem.details == "a - 1 is bad"


async def test_a_check_may_be_async_also_while_a_loop_runs():
    (problem,) = check({"x": {"class_type": "Later", "inputs": {"a": 1}}}, judged_later()).problems
    assert problem.details == "a - 1 is bad"


def of(nodes, prompt, stat=lambda folder, name: None):
    return fingerprints(parse(prompt), nodes, stat)


def test_an_embedding_in_a_prompt_is_part_of_its_fingerprint():
    nodes = {"Encode": node("Encode", [InputSpec("text", "STRING", widget=Text(embeddings=True))])}
    stamps = {}
    asked = []

    def stat(folder, name):
        assert folder == "embeddings"
        asked.append(name)
        return stamps.get(name)

    prompt = {
        "x": {"class_type": "Encode", "inputs": {"text": "a cat (embedding:fur:1.2), embedding:eyes, b"}}
    }
    before = of(nodes, prompt, stat)
    assert asked == ["fur:1.2", "fur", "eyes,", "eyes"]
    stamps["eyes"] = (1, 2)
    assert of(nodes, prompt, stat) != before
    plain = {"x": {"class_type": "Encode", "inputs": {"text": "a cat"}}}
    assert of(nodes, plain, stat) == of(nodes, plain)


def test_nodes_that_are_not_idempotent_have_their_id_in_it():
    nodes = {"Once": node("Once"), "Each": node("Each", idempotent=False)}
    found = of(
        nodes,
        {
            name: {"class_type": kind}
            for name, kind in zip("abcd", ["Once", "Once", "Each", "Each"], strict=True)
        },
    )
    assert found["a"] == found["b"]
    assert found["c"] != found["d"]


def test_a_nodes_own_fingerprint_sees_its_id_and_none_for_links():
    seen = []

    def own(**known):
        seen.append(known)
        return 1

    nodes = {
        "Number": NODES["Number"],
        "Own": node("Own", [InputSpec("a", "INT")], fingerprint=own, hidden={"me": "UNIQUE_ID"}),
        "Named": node(
            "Named",
            [InputSpec("a", "INT")],
            fingerprint=lambda a, me: seen.append((a, me)),
            hidden={"me": "UNIQUE_ID"},
        ),
        "Shy": node("Shy", [InputSpec("a", "INT")], fingerprint=lambda: 1, hidden={"me": "UNIQUE_ID"}),
    }
    prompt = {
        "n": {"class_type": "Number"},
        "x": {"class_type": "Own", "inputs": {"a": ["n", 0], "b": [1, 2, 3]}},
    }
    of(nodes, prompt | {"y": {"class_type": "Named", "inputs": {"a": 5}}, "z": {"class_type": "Shy"}})
    assert seen == [{"a": None, "me": "x"}, (5, "y")]


@pytest.mark.parametrize("answer", [float("nan"), [1, float("nan")]])
def test_not_a_number_means_always(answer):
    nodes = {"Own": node("Own", fingerprint=lambda: answer)}
    prompt = {"x": {"class_type": "Own"}}
    assert of(nodes, prompt) != of(nodes, prompt)
