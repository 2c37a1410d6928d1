import json
import logging
import os
import signal
import struct
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

import main

ROOT = Path(__file__).resolve().parent.parent
GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 32, "height": 16, "batch_size": 1, "color": 255}},
    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}, "_meta": {"title": "Turn"}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "made"}},
}


@pytest.fixture
def base(tmp_path, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    return tmp_path / "user"


@pytest.fixture
def cli(base, capsys):
    def run(*arguments):
        code = main.main([*map(str, arguments), "--base-directory", str(base), "--cpu"])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def graph_file(tmp_path):
    def write(graph=GRAPH, name="graph.json"):
        path = tmp_path / name
        path.write_text(graph if isinstance(graph, str) else json.dumps(graph))
        return path

    return write


def changed(node, **inputs):
    return {**GRAPH, node: {**GRAPH[node], "inputs": {**GRAPH[node]["inputs"], **inputs}}}


def test_run_saves_the_picture_and_names_its_file(cli, graph_file, tmp_path):
    code, out, err = cli("run", graph_file(), "--output", tmp_path / "pictures")
    assert code == 0
    path = Path(out.strip())
    assert path.parent == tmp_path / "pictures"
    with Image.open(path) as picture:
        assert picture.size == (32, 16)
        assert picture.getpixel((0, 0)) == (255, 255, 0)
        assert json.loads(picture.info["prompt"])["1"]["inputs"]["color"] == 255
    assert "succeeded in" in err
    assert "3 nodes ran, 0 were cached" in err


def test_a_saved_picture_runs_again(cli, graph_file):
    _, out, _ = cli("run", graph_file())
    first = Path(out.strip())
    code, out, _ = cli("run", first, "--set", "SaveImage.filename_prefix=again")
    assert code == 0
    assert Path(out.strip()).name.startswith("again")


def test_run_writes_one_event_a_line(cli, graph_file):
    code, out, _ = cli("run", graph_file(), "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [event["event"] for event in events] == [
        "job_started",
        "nodes_cached",
        *["node_started", "node_finished"] * 3,
        "job_finished",
    ]
    assert events[-1]["status"] == "succeeded"
    (path,) = events[-1]["files"]
    assert Path(path).is_file()
    assert events[-2]["ui"] == events[-1]["outputs"]["3"]


def test_run_says_why_each_node_ran(cli, graph_file, tmp_path):
    graph = {**GRAPH, "9": GRAPH["1"]}
    code, _, err = cli("run", graph_file(graph), "--why")
    assert code == 0
    assert err.splitlines()[-4:] == [
        "EmptyImage (node 1) ran: no earlier run of it is known",
        "ImageInvert 'Turn' (node 2) ran: no earlier run of it is known",
        "SaveImage (node 3) ran: no earlier run of it is known",
        "EmptyImage (node 9) skipped: no output that was asked for needs it",
    ]
    _, out, _ = cli("run", graph_file(graph), "--why", "--json")
    last = json.loads(out.splitlines()[-1])
    assert last["event"] == "why"
    assert last["nodes"]["2"] == {"did": "ran", "text": "no earlier run of it is known"}
    assert last["nodes"]["9"]["did"] == "skipped"


@pytest.mark.parametrize("node", ["1", "EmptyImage", "emptyimage"])
def test_set_changes_an_input_of_the_type_it_has(cli, graph_file, node):
    code, out, _ = cli("run", graph_file(), "--set", f"{node}.width=8", "--set", f"{node}.color=0")
    assert code == 0
    with Image.open(Path(out.strip())) as picture:
        assert picture.size == (8, 16)


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("width=8", "not of the form NODE.INPUT=VALUE"),
        ("1.width", "not of the form NODE.INPUT=VALUE"),
        ("9.width=8", "there is no node '9'; there are 1 (EmptyImage), 2 (ImageInvert), 3 (SaveImage)"),
        ("1.widht=8", "EmptyImage (node 1) has no input 'widht'; it has width, height, batch_size, color"),
        ("1.width=big", "width is a whole number, not 'big'"),
        ("Turn.image=x.png", "image takes a link of type IMAGE, not a value"),
    ],
)
def test_a_wrong_set_is_a_usage_error(cli, graph_file, assignment, sentence):
    code, out, err = cli("run", graph_file(), "--set", assignment)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_a_set_that_names_two_nodes_lists_their_ids(cli, graph_file):
    graph = {**GRAPH, "4": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}}}
    code, _, err = cli("check", graph_file(graph), "--set", "ImageInvert.image=1")
    assert code == 2
    assert "2 nodes: use one of the ids 2, 4" in err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not valid JSON"),
        ("[1, 2]", "holds a list where a workflow is a JSON object"),
        ("\udc80" * 8, "is neither JSON nor a PNG picture"),
        ("\udc89PNG\r\n\x1a\nrest", "is a broken PNG"),
        (None, "cannot be read: No such file or directory"),
    ],
)
@pytest.mark.parametrize("command", ["run", "check"])
def test_a_file_that_is_no_workflow_is_a_usage_error(cli, tmp_path, command, content, sentence):
    path = tmp_path / "graph.json"
    if content is not None:
        path.write_bytes(content.encode(errors="surrogateescape"))
    code, out, err = cli(command, path)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_a_picture_without_a_workflow_is_a_usage_error(cli, tmp_path):
    path = tmp_path / "plain.png"
    Image.new("RGB", (4, 4)).save(path)
    code, _, err = cli("run", path)
    assert code == 2
    assert "is a picture without a workflow in it" in err


BROKEN = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": "wide", "height": 0, "batch_size": 1, "color": 0}},
    "2": {"class_type": "Missing", "inputs": {}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}},
}


def test_check_lists_every_problem_at_once(cli, graph_file):
    code, out, _ = cli("check", graph_file(BROKEN))
    assert code == 3
    assert "Missing" in out
    assert "width" in out
    assert "height" in out
    assert "filename_prefix" in out


@pytest.mark.parametrize("command", ["run", "check"])
def test_problems_can_be_read_as_json_lines(cli, graph_file, base, command):
    code, out, _ = cli(command, graph_file(BROKEN), "--json")
    problems = [json.loads(line) for line in out.splitlines()]
    assert code == 3
    assert {problem["event"] for problem in problems} == {"problem"}
    assert {(problem["node_id"], problem["input_name"]) for problem in problems} >= {
        ("1", "width"),
        ("1", "height"),
        ("3", "filename_prefix"),
    }
    assert list((base / "output").iterdir()) == []


def test_check_of_a_good_graph_runs_nothing(cli, graph_file, base):
    code, out, _ = cli("check", graph_file())
    assert code == 0
    assert "no problems in 3 nodes" in out
    assert list((base / "output").iterdir()) == []


def test_a_node_that_fails_is_named_and_the_code_is_1(cli, graph_file, base):
    checkpoints = base / "models" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "broken.safetensors").write_bytes(b"nothing of the kind")
    graph = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "broken.safetensors"}},
        "2": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "3": {"class_type": "VAEDecode", "inputs": {"samples": ["2", 0], "vae": ["1", 2]}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
    }
    code, out, err = cli("run", graph_file(graph), "--why")
    assert (code, out) == (1, "")
    assert "CheckpointLoaderSimple (node 1) failed" in err
    assert "CheckpointLoaderSimple (node 1) failed: it ran because no earlier run of it is known" in err
    assert "SaveImage (node 4) skipped: the job ended before it was its turn" in err
    code, out, _ = cli("run", graph_file(graph), "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [event["event"] for event in events[-2:]] == ["node_failed", "job_finished"]
    assert events[-1]["status"] == "failed"


def test_nodes_lists_the_catalogue(cli):
    code, out, _ = cli("nodes")
    assert code == 0
    assert "KSampler" in out
    code, out, _ = cli("nodes", "--json")
    entries = [json.loads(line) for line in out.splitlines()]
    sampler = next(entry for entry in entries if entry["name"] == "KSampler")
    assert sampler["input"]["required"]["steps"][0] == "INT"


def test_a_reader_that_goes_away_is_no_failure_to_shout_about(base):
    command = f"{sys.executable} main.py nodes --base-directory {base} | head -1"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=90)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_info_tells_where_files_are(cli, base):
    code, out, _ = cli("info", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["version"] == main.VERSION
    assert facts["base_directory"] == str(base)
    assert facts["device"]["type"] == "cpu"


def test_identify_says_what_files_are_and_where_they_belong(cli, base, tmp_path):
    models = ROOT / "assets" / "models"
    checkpoint = models / "checkpoints" / "sfumato-shapes.safetensors"
    lora = models / "loras" / "sfumato-pastel.safetensors"
    code, out, _ = cli("identify", checkpoint, lora)
    assert code == 0
    assert "checkpoint of Stable Diffusion 1.x" in out
    assert "place: models/loras, for Load LoRA" in out
    assert not base.exists()
    unknown, broken = tmp_path / "unknown.safetensors", tmp_path / "broken.safetensors"
    unknown.write_bytes(struct.pack("<Q", 2) + b"{}")
    broken.write_bytes(b"no weights")
    code, out, _ = cli("identify", checkpoint, unknown, "--json")
    told = [json.loads(line) for line in out.splitlines()]
    assert (code, [one["folder"] for one in told]) == (1, ["checkpoints", None])
    assert told[0]["sockets"] == ["MODEL", "CLIP", "VAE"]
    code, out, _ = cli("identify", unknown, broken, tmp_path / "missing")
    assert code == 2
    assert "it is text" in out
    assert "missing: unusable" in out


def test_wrong_usage_ends_with_2(capsys):
    for arguments in (["paint"], ["run"], ["run", "x.json", "--wrong"], ["--port", "many"]):
        with pytest.raises(SystemExit) as ended:
            main.main(arguments)
        assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as ended:
        main.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"Sfumato {main.VERSION}\n"


def test_ctrl_c_cancels_a_run_with_130(graph_file, base):
    big = {"class_type": "EmptyImage", "inputs": {"width": 1024, "height": 1024, "batch_size": 4, "color": 0}}
    graph = {"0": big}
    for number in range(1, 400):
        graph[str(number)] = {"class_type": "ImageInvert", "inputs": {"image": [str(number - 1), 0]}}
    graph["save"] = {"class_type": "SaveImage", "inputs": {"images": ["399", 0], "filename_prefix": "x"}}
    command = [
        sys.executable,
        "main.py",
        "run",
        str(graph_file(graph)),
        "--json",
        "--base-directory",
        str(base),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        lines = []
        for line in process.stdout:
            lines.append(json.loads(line))
            if lines[-1]["event"] == "node_started" and lines[-1]["node_id"] == "2":
                process.send_signal(signal.SIGINT)
        assert process.wait(90) == 130
    assert lines[-1]["event"] == "job_finished"
    assert lines[-1]["status"] == "cancelled"


# --- serve --------------------------------------------------------------------------------------------------


@contextmanager
def server(base, *arguments):
    command = [sys.executable, "main.py", "--port", "0", "--base-directory", str(base), *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("Sfumato is ready: http://127.0.0.1:")
            yield process, line.split()[-1]
        finally:
            process.kill()


def get(address, path):
    with urllib.request.urlopen(address + path, timeout=90) as answer:
        return json.load(answer)


def post(address, path, data):
    request = urllib.request.Request(address + path, json.dumps(data).encode())
    with urllib.request.urlopen(request, timeout=90) as answer:
        return json.load(answer)


def mapped_files(process):
    return Path(f"/proc/{process.pid}/maps").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_stops_cleanly(base, number):
    with server(base) as (process, address):
        assert get(address, "/system_stats")["system"]["sfumato_version"] == main.VERSION
        process.send_signal(number)
        assert process.wait(60) == 0


def test_a_prompt_posted_to_the_server_becomes_a_file(base):
    with server(base) as (process, address):
        prompt_id = post(address, "/prompt", {"prompt": GRAPH})["prompt_id"]
        deadline = time.monotonic() + 120
        while not (history := get(address, f"/history/{prompt_id}")) and time.monotonic() < deadline:
            time.sleep(0.05)
        (image,) = history[prompt_id]["outputs"]["3"]["images"]
        assert (base / "output" / image["filename"]).is_file()
        # The server that did all this holds no torch and little memory.
        assert "torch" not in mapped_files(process)
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
        assert pages * os.sysconf("SC_PAGE_SIZE") < 80 * 2**20


def test_a_port_that_is_taken_is_one_sentence(base, tmp_path):
    with server(base) as (_, address):
        port = address.rsplit(":", 1)[1]
        command = [sys.executable, "main.py", "--port", port, "--base-directory", str(tmp_path / "other")]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90)
        assert second.returncode == 1
        assert f"cannot listen on 127.0.0.1, port {port}" in second.stderr
        assert "Traceback" not in second.stderr


def test_a_second_server_on_the_same_directory_is_refused(base):
    with server(base):
        command = [sys.executable, "main.py", "--port", "0", "--base-directory", str(base)]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90)
        assert second.returncode == 1
        assert "another Sfumato server is using" in second.stderr


def test_what_the_server_imports_has_no_torch_and_no_menu():
    code = (
        "import main, web.app, executor.worker.service, executor.queue.store, loaders.folders, sys\n"
        "heavy = ('torch', 'numpy', 'PIL', 'nodes.builtin', 'nodes.sampling', 'models', 'schedulers')\n"
        "sys.exit([name for name in heavy if name in sys.modules] or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
