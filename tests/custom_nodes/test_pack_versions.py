"""Results of a pack whose files have changed are not served again, not even from disk."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACK = """
from . import helper

class Adds:
    INPUT_TYPES = classmethod(lambda cls: {"required": {"value": ("INT", {})}})
    RETURN_TYPES, FUNCTION = ("INT",), "run"

    def run(self, value):
        return (value + helper.amount(),)

NODE_CLASS_MAPPINGS = {"Adds": Adds}
"""
HELPER = "def amount():\n    return {amount}\n"
RUN = """
import sys
from pathlib import Path
from custom_nodes.shelf import Shelf
from executor.graph.parse import parse
from executor.run.cache import ResultCache
from executor.run.context import context_maker
from executor.run.disk_cache import DiskCache
from executor.run.engine import Engine, RunRequest
from loaders.folders import Folders

base = Path(sys.argv[1])
folders = Folders(base)
nodes, _ = Shelf([base / "custom_nodes"], folders, {}).look()
cache = ResultCache()
cache.disk = DiskCache(base / "results", worth_seconds=0.0)
graph = parse({"1": {"class_type": "Adds", "inputs": {"value": 1}}})
given = {}
with Engine(nodes, cache, context_maker(folders, None)) as engine:
    end = engine.complete(RunRequest("a", graph, ("1",)), lambda event: None, given.__setitem__)
sys.stdout.write(f"{given['1'][0]} {'cached' if end.cached else 'ran'}")
"""


def run(base):
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(base)],
        cwd=ROOT,
        timeout=120,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def pack(tmp_path):
    folder = tmp_path / "custom_nodes" / "adds"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(PACK)
    (folder / "helper.py").write_text(HELPER.format(amount=10))
    return folder


def test_a_changed_helper_makes_what_is_on_disk_stale(pack, tmp_path):
    assert [run(tmp_path) for _ in range(2)] == ["11 ran", "11 cached"]
    (pack / "helper.py").write_text(HELPER.format(amount=20))
    assert [run(tmp_path) for _ in range(2)] == ["21 ran", "21 cached"]
    (pack / "helper.py").write_text(HELPER.format(amount=10))
    assert run(tmp_path) == "11 cached"
