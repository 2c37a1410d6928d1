"""The plan of a graph: it says what then happens, reads headers alone, and knows what it does not know."""

import json
from pathlib import Path

import pytest
import torch

import main
from executor.forecast.forecast import Forecaster
from executor.memory import plan
from executor.memory.estimate import Estimates
from executor.memory.limits import Limits
from executor.memory.tiers import DeviceTier
from executor.session import InvalidGraphError, Session
from executor.worker import device_memory
from executor.worker.device_memory import DeviceMemory
from loaders import bulk_read
from loaders.folders import Folders
from models.host_memory import Room
from tests.fixtures.checkpoints import tiny_checkpoint
from tests.fixtures.graphs import text_to_image as graph

MIB = 2**20


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    base = tmp_path_factory.mktemp("base")
    made = Folders(base)
    made.create()
    tiny_checkpoint(base / "models" / "checkpoints" / "tiny.safetensors")
    return made


def opened(
    folders: Folders, device: str = "cpu", limits: Limits | None = None
) -> tuple[Session, DeviceMemory]:
    memory = DeviceMemory(device, "float32", limits)
    return Session(folders, memory=memory), memory


def test_every_network_is_placed_in_the_order_in_which_it_runs(folders: Folders) -> None:
    with opened(folders)[0] as session:
        forecast = session.plan(graph())
    assert [row.node_type for row in forecast.rows] == ["CLIPTextEncode", "KSampler", "VAEDecode"]
    assert [row.seats[0].kind for row in forecast.rows] == ["TextEncoders", "UNet", "AutoencoderKL"]
    assert forecast.cap_bytes is None
    assert forecast.fits
    assert any("KSampler" in line for line in forecast.lines())


def test_only_headers_are_read(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    fill = bulk_read._fill
    monkeypatch.setattr(bulk_read, "_fill", lambda *args: (read.append(args[-1]), fill(*args)))
    with opened(folders)[0] as session:
        session.plan(graph())
        assert sum(read) < 64 * 1024
        session.run(graph())
    assert sum(read) > MIB


def test_shapes_follow_the_graph(folders: Folders) -> None:
    with opened(folders)[0] as session, opened(folders)[0] as other:
        one = session.plan(graph(128)).rows
        four = session.plan(graph(256)).rows
        batch = other.plan(graph(128, batch=4)).rows
        alone = session.plan(graph(cfg=1.0)).rows
    assert four[1].activation_bytes / one[1].activation_bytes == pytest.approx(4, rel=0.1)
    assert batch[1].activation_bytes == pytest.approx(four[1].activation_bytes, rel=0.1)
    assert batch[2].activation_bytes == one[2].activation_bytes
    assert alone[1].activation_bytes == pytest.approx(one[1].activation_bytes / 2, rel=0.1)


def test_the_plan_is_what_happens(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "SMALLEST_STREAMED_BYTES", 2**11)
    with opened(folders)[0] as session:
        free = session.plan(graph())
    sampling = free.rows[1]
    cap = sampling.activation_bytes + int(sampling.seats[0].weight_bytes * 0.5)
    session, memory = opened(folders, f"bounded:{cap}", Limits(reserve_bytes=0))
    with session:
        sampled = graph()
        sampled["5"] = {"class_type": "SaveLatent", "inputs": {"samples": ["4", 0], "filename_prefix": "x"}}
        del sampled["6"]
        seat = session.plan(sampled).rows[1].seats[0]
        session.run(sampled)
        found = next(one for one in memory.residency.report() if one.name == "UNet")
    assert 0 < seat.streamed == found.streamed
    assert seat.resident == found.resident
    assert seat.held_bytes == pytest.approx(found.held_bytes, rel=0.05)
    assert seat.reason == found.reason


def test_no_row_passes_the_cap_and_what_cannot_run_is_said(folders: Folders) -> None:
    limits = Limits(vram_bytes=24 * MIB, reserve_bytes=0)
    with opened(folders, limits=limits)[0] as session:
        forecast = session.plan(graph(256))
    assert forecast.device == "a GPU"
    assert forecast.cap_bytes == 24 * MIB
    for row in forecast.rows:
        assert row.is_refused or row.peak_bytes <= 24 * MIB
    with opened(folders, limits=Limits(vram_bytes=MIB // 2, reserve_bytes=0))[0] as session:
        refused = session.plan(graph(256))
    assert not refused.fits
    assert any("not enough memory" in row.lack for row in refused.rows)


def test_a_picture_that_does_not_fit_is_planned_in_tiles(folders: Folders) -> None:
    with opened(folders)[0] as session:
        whole = session.plan(graph(1024)).rows[2]
    limits = Limits(vram_bytes=whole.activation_bytes // 2, reserve_bytes=0)
    with opened(folders, limits=limits)[0] as session:
        tiled = session.plan(graph(1024)).rows[2]
    assert whole.tile == 0
    assert tiled.tile == 64
    assert tiled.activation_bytes < whole.activation_bytes / 2


def test_a_batch_that_does_not_fit_is_planned_in_parts(folders: Folders) -> None:
    with opened(folders)[0] as session:
        whole = session.plan(graph(128, batch=8)).rows[1]
    cap = whole.activation_bytes // 2 + whole.seats[0].weight_bytes // 2
    with opened(folders, limits=Limits(vram_bytes=cap, reserve_bytes=0))[0] as session:
        parts = session.plan(graph(128, batch=8)).rows[1]
    assert whole.at_once == 0
    assert parts.at_once in (4, 8)
    assert parts.activation_bytes <= whole.activation_bytes // 2 + 1000
    assert not parts.is_refused


def test_networks_of_earlier_nodes_stay_as_long_as_there_is_room(folders: Folders) -> None:
    with opened(folders, limits=Limits(vram_bytes=2**40, reserve_bytes=0))[0] as session:
        rows = session.plan(graph()).rows
    assert rows[0].idle_bytes == 0
    assert rows[1].idle_bytes == rows[0].seats[0].held_bytes
    assert rows[2].idle_bytes == rows[0].seats[0].held_bytes + rows[1].seats[0].held_bytes


def test_what_this_process_holds_of_the_device_can_be_had_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10 * MIB, 24 * MIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 5 * MIB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 4 * MIB)
    limits = Limits(reserve_bytes=MIB)
    tier = DeviceTier(torch.device("cuda"), limits)
    assert Forecaster(tier, limits, Estimates(), MIB).forecast("cuda:0", ()).cap_bytes == 14 * MIB


def test_networks_in_memory_are_not_counted_twice(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    session, memory = opened(folders)
    with session:
        needed = max(row.ram_bytes for row in session.plan(graph()).rows)
        session.run(graph())
        left = needed - memory.held_bytes()
        monkeypatch.setattr(device_memory, "host_room", lambda limit: Room(1000 * MIB, left, "x"))
        assert session.plan(graph()).fits
        monkeypatch.setattr(device_memory, "host_room", lambda limit: Room(1000 * MIB, left - 1, "x"))
        assert not session.plan(graph()).fits


def test_what_is_not_known_is_said(folders: Folders) -> None:
    switched = graph()
    switched["7"] = {
        "class_type": "ComfySwitchNode",
        "inputs": {"switch": True, "on_true": ["3", 0], "on_false": ["3", 0]},
    }
    switched["4"]["inputs"]["latent_image"] = ["7", 0]
    strange = graph()
    strange["4"]["inputs"]["latent_image"] = ["8", 0]
    strange["8"] = {"class_type": "LoadLatent", "inputs": {"latent": "gone.latent"}}
    (folders.place("input") / "gone.latent").write_bytes(b"no latent")
    with opened(folders)[0] as session:
        rows = session.plan(switched).rows
        lacks = [row for row in session.plan(strange).rows if row.lack]
    assert [row.node_type for row in rows if row.seats] == ["CLIPTextEncode", "KSampler", "VAEDecode"]
    assert [row.node_type for row in lacks] == ["LoadLatent", "KSampler", "VAEDecode"]
    assert not any(row.is_refused for row in lacks)


def test_a_graph_with_problems_is_refused(folders: Folders) -> None:
    broken = graph(steps="many")
    with opened(folders)[0] as session, pytest.raises(InvalidGraphError):
        session.plan(broken)


def test_the_command_says_it_in_lines_and_in_json(
    folders: Folders, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "graph.json"
    file.write_text(json.dumps(graph()))
    arguments = ["plan", str(file), "--base-directory", str(folders.base)]
    assert main.main([*arguments, "--cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("2 CLIPTextEncode: ")
    assert lines[-1].startswith("memory of the computer: ")
    assert main.main([*arguments, "--json", "--vram-limit", "0.0005"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["fits"] is False
    assert {row["node_id"] for row in told["rows"]} == {"2", "4", "5"}
