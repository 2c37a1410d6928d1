"""Commands that answer a question write the answer, and what they did to find it only when asked to."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.checkpoints import tiny_checkpoint

ROOT = Path(__file__).resolve().parent.parent
GRAPH = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "tiny.safetensors"}},
    "2": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "3": {"class_type": "VAEDecode", "inputs": {"samples": ["2", 0], "vae": ["1", 2]}},
    "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "made"}},
}


@pytest.mark.parametrize(("flags", "logged"), [([], ""), (["-v"], "INFO loaders.checkpoint")], ids=["", "-v"])
def test_a_plan_is_told_without_a_log(tmp_path: Path, flags: list[str], logged: str) -> None:
    folder = tmp_path / "models" / "checkpoints"
    folder.mkdir(parents=True)
    tiny_checkpoint(folder / "tiny.safetensors")
    graph = tmp_path / "graph.json"
    graph.write_text(json.dumps(GRAPH))
    command = [sys.executable, "main.py", "plan", str(graph), "--cpu", "--base-directory", str(tmp_path)]
    done = subprocess.run([*command, *flags], cwd=ROOT, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0
    assert "3 VAEDecode" in done.stdout
    assert logged in done.stderr
    assert bool(logged) == bool(done.stderr)
