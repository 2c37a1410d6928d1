"""Checks the reading of prompts against a second one on texts made of what is special in them."""

import math
from collections.abc import Iterable

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.text.prompt import parse_prompt, split_embeddings, split_groups
from models.text.rules import ChunkRules
from models.text.tokenizer import END, clip_tokenizer
from models.text.tokens import Token, chunk_tokens, token_groups
from tests.oracle import prompts

KNOWN = {"mine": torch.ones(2, 4), "long": torch.zeros(9, 4), "a,b": torch.ones(1, 4)}
PIECES = (
    "(", ")", "((", "))", "\\(", "\\)", "\\", ":", ":1.3", ": 0 ", ":-.5", ":1e2", ":1_0", ":nan", ":inf",
    ":x", " ", "\n", "a", "red cat", "\0\1", "[", "{a|b}", ",", "embedding:", " embedding:", "\nembedding:",
    "mine", "long", "a,b", "gone", "embedding:mine", " embedding:mine,", " embedding:,mine,, tail",
    "1girl, 8k",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text("()\\: ab.1\n,", max_size=24)


def same(ours: Iterable[tuple[str, float]], theirs: Iterable[tuple[str, float]]) -> bool:
    first, second = list(ours), list(theirs)
    return [text for text, _ in first] == [text for text, _ in second] and all(
        a == b or (math.isnan(a) and math.isnan(b)) for (_, a), (_, b) in zip(first, second, strict=True)
    )


@settings(max_examples=400, deadline=None, derandomize=True)
@given(TEXTS)
@example("(a:1.2:1.4)")
@example("a) ((b:1.5) c")
@example("\\\\(x\\\\)")
def test_pieces_and_weights_are_those_of_the_second_reading(text: str) -> None:
    pieces = [(part, piece.weight) for piece in parse_prompt(text) for part in split_embeddings(piece.text)]
    assert same(pieces, prompts.read(text))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(TEXTS)
def test_cutting_at_parentheses_loses_nothing(text: str) -> None:
    assert split_groups(text) == prompts.groups(text)
    assert "".join(split_groups(text)) == text


def find(name: str, width: int, key: str) -> Tensor | None:
    return KNOWN.get(name)


def expected_groups(text: str) -> list[list[tuple[object, float]]]:
    """Groups of ids, or of rows of embeddings by name, with weights."""
    found: list[list[tuple[object, float]]] = []
    for part, weight in prompts.read(text):
        rest = part
        if part.startswith("embedding:") and part[len("embedding:") :].split():
            name, rest = prompts.name_and_rest(part, KNOWN.__contains__)
            if name is not None:
                found.append([((name, row), weight) for row in range(len(KNOWN[name]))])
        ids = clip_tokenizer().encode(rest)
        if ids:
            found.append([(value, weight) for value in ids])
    return found


def named(token: Token) -> tuple[object, float]:
    if isinstance(token.value, int):
        return token.value, token.weight
    for name, vectors in KNOWN.items():
        for row, vector in enumerate(vectors):
            if vector.data_ptr() == token.value.data_ptr():
                return (name, row), token.weight
    raise AssertionError("a vector that no embedding has")


@settings(max_examples=250, deadline=None, derandomize=True)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from([0, END]), st.integers(0, 90))
def test_chunks_are_those_of_the_second_reading(texts: list[str], pad: int, filler: int) -> None:
    text = "cat " * filler + " ".join(texts)
    rules = ChunkRules(pad=pad)
    groups = list(token_groups(clip_tokenizer(), text, 4, rules, find))
    got = [[named(token) for token in chunk] for chunk in chunk_tokens(groups, rules)]
    assert repr(got) == repr(prompts.chunks(expected_groups(text), pad))
    assert {len(chunk) for chunk in got} == {77}
