"""What the flags about attention do, and what `info` says of it."""

import gc
import json
import logging
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import main
from executor.speed_options import COMPILERS
from executor.worker.device_memory import DeviceMemory
from models.adapters.patch import Patched
from models.attention_backends import choice
from models.attention_backends.choice import AttentionSettings
from models.diffusion import DiffusionModel
from nodes.api.errors import NodeError


@pytest.fixture
def cli(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(choice._Current, "attender", choice.current())

    def run(*arguments):
        code = main.main([*arguments, "--base-directory", str(tmp_path), "--cpu"])
        return code, capsys.readouterr().out

    return run


def test_info_tells_how_attention_is_computed(cli):
    code, out = cli("info", "--json")
    uses = {row["name"]: row["use"] or row["missing"] for row in json.loads(out)["attention"]}
    assert code == 0
    assert uses["torch"] == "usual"
    assert uses["sub-quadratic"] == "where memory is short"
    assert uses["split"] == "when asked for"


@pytest.mark.parametrize(
    ("flags", "settings"),
    [
        ((), AttentionSettings()),
        (("--use-split-cross-attention",), AttentionSettings("split")),
        (
            ("--use-quad-cross-attention", "--deterministic"),
            AttentionSettings("sub-quadratic", measures=False),
        ),
        (
            ("--use-pytorch-cross-attention", "--force-upcast-attention"),
            AttentionSettings("torch", upcast=True),
        ),
        (("--disable-xformers",), AttentionSettings(without=frozenset({"xformers"}))),
        (("--dont-upcast-attention",), AttentionSettings(upcast=False)),
    ],
)
def test_attention_is_computed_as_asked(cli, flags, settings, monkeypatch):
    monkeypatch.setattr("executor.worker.device_memory.be_deterministic", lambda: None)
    code, out = cli("info", *flags)
    assert code == 0
    assert choice.current().settings == settings
    if settings.wanted is not None:
        assert f"  {settings.wanted}: asked for" in out.splitlines()


def test_a_package_that_is_not_there_is_a_sentence_and_code_2(cli, caplog, monkeypatch):
    monkeypatch.setattr("executor.speed_options.find_spec", lambda name: None)
    assert cli("info", "--use-sage-attention")[0] == 2
    assert "--use-sage-attention needs the package sageattention, which is not installed" in caplog.text


def test_two_ways_at_once_are_refused(cli):
    with pytest.raises(SystemExit):
        cli("info", "--use-split-cross-attention", "--use-quad-cross-attention")


def test_every_diffusion_network_can_be_compiled_and_no_other(monkeypatch):
    from models.adapters.graphed import WAYS, Graphed

    assert set(COMPILERS) == set(WAYS)
    memory = DeviceMemory("cpu", compiler="inductor")
    model = Patched(DiffusionModel(network=nn.Linear(1, 1).eval(), family="sd15"))
    assert memory._fast(model).stack == (WAYS["inductor"]().key,)
    assert memory._fast(memory._fast(model)).stack == (WAYS["inductor"]().key,)
    other = Patched(SimpleNamespace(network=nn.Linear(1, 1)))
    assert memory._fast(other) is other
    assert DeviceMemory("cpu")._fast(model) is model
    with (
        pytest.raises(NodeError, match="CUDA graphs need a CUDA device"),
        DeviceMemory("cpu", compiler="cudagraphs").borrow(model),
    ):
        pytest.fail("never reached")
    assert WAYS["cudagraphs"]() == Graphed()


def test_attention_in_parts_stays_within_the_limits_of_the_process(monkeypatch):
    monkeypatch.setattr(choice._Current, "asked", None)
    memory = DeviceMemory("bounded:4000000")
    assert choice.free_part(torch.device("cpu")) == 1_000_000
    network = nn.Linear(1000, 400).requires_grad_(False)
    with memory.borrow(Patched(SimpleNamespace(network=network))):
        held = memory.residency.resident_bytes()
        assert held >= 4 * 400_400
        assert choice.free_part(torch.device("cpu")) == (4_000_000 - held) // 4
    del memory
    gc.collect()
    assert choice._Current.asked() is None
    assert choice.free_part(torch.device("cpu")) > 1_000_000
