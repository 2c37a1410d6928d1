import math
import struct
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from executor.run.cache import Many
from executor.run.digests import digest
from executor.run.identity import Identities
from executor.run.stall import find_cycle
from nodes.api.results import Blocked


@dataclass(frozen=True, eq=False)
class Latent:
    samples: object
    extra: object = None


def test_equal_values_have_equal_texts():
    for make in (
        lambda: 1,
        lambda: "x" * 500,
        lambda: 0.5,
        lambda: [1, ("a", None), {"k": b"v"}],
        lambda: torch.arange(6).reshape(2, 3),
        lambda: np.arange(6.0),
        lambda: Latent(torch.ones(2)),
        lambda: Many((1, Blocked("x"))),
    ):
        assert digest(make()) == digest(make()) is not None


def test_different_values_have_different_texts():
    values = [
        1,
        1.0,
        True,
        None,
        "1",
        "None",
        b"1",
        0.0,
        -0.0,
        (),
        [],
        {},
        [[]],
        [1, 2],
        [12],
        (1, 2),
        Many((1, 2)),
        "y" * 500,
        "y" * 501,
        ["a", "b"],
        ["ab"],
        {"a": 1},
        {"b": 1},
        Latent(1),
        Latent((1,)),
        Blocked(),
        Blocked("x"),
        torch.zeros(2),
        torch.zeros(2, 1),
        torch.zeros(2, dtype=torch.int32),
        np.zeros(2),
        np.zeros(2, np.float32),
    ]
    texts = [digest(value) for value in values]
    assert None not in texts
    assert len(set(texts)) == len(values)


def test_not_a_number_is_compared_by_bits():
    other = struct.unpack(">d", bytes.fromhex("7ff8000000000123"))[0]
    assert digest(math.nan) == digest(math.nan)
    assert digest(math.nan) != digest(other)
    assert digest([math.nan]) != digest([other])


@pytest.mark.parametrize(
    "value",
    [
        object(),
        Latent,
        torch.nn.Linear(1, 1),
        torch.zeros(2**19),
        "x" * 2**21,
        [torch.zeros(2**17), torch.zeros(2**17)],
        np.array([object()]),
        torch.zeros(2, dtype=torch.bfloat16),
        [0] * 2**17,
    ],
)
def test_what_is_large_or_unknown_has_none(value):
    assert digest(value) is None
    assert digest([value]) is None


def test_what_holds_itself_has_none():
    loop = []
    loop.append(loop)
    assert digest(loop) is None


def test_objects_are_told_apart_by_being_others():
    identities = Identities()
    first, second = object(), object()
    assert identities.describe(first) == identities.describe(first) != identities.describe(second)
    assert identities.describe([1]) == Identities().describe([1])
    assert identities.describe(first) != Identities().describe(first)


def test_those_who_wait_for_each_other_are_found():
    assert find_cycle({}) == []
    assert find_cycle({"a": ["b", "c"], "b": ["c"], "d": ["a"]}) == []
    assert find_cycle({"a": ["b"], "b": ["x", "c"], "c": ["b"]}) == ["b", "c"]
    long = {str(n): [str(n + 1)] for n in range(20_000)}
    assert len(find_cycle({**long, "20000": ["0"]})) == 20_001
