"""Loads the small packs of tests/packs once, and runs graphs with them through the real engine."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from custom_nodes.packs import load_packs, unload_packs
from executor.graph.parse import parse
from executor.graph.validate import validate
from executor.run.cache import ResultCache
from executor.run.context import context_maker
from executor.run.engine import Engine, RunRequest
from loaders.folders import Folders
from models.adapters.patch import applied
from nodes.builtin import load_builtin

PACKS = Path(__file__).resolve().parent.parent / "packs"


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    folders = Folders(tmp_path_factory.mktemp("user"))
    folders.create()
    (folders.models / "checkpoints" / "first.safetensors").write_bytes(b"")
    return folders


@pytest.fixture(scope="session")
def sent():
    return []


@pytest.fixture(scope="session")
def builtin():
    return load_builtin()


@pytest.fixture(scope="session")
def packs(folders, builtin, sent):
    yield load_packs([PACKS], folders, builtin, send=lambda *message: sent.append(message))
    unload_packs()


@pytest.fixture(scope="session")
def nodes(packs, builtin):
    return {**builtin, **packs.nodes}


@pytest.fixture
def bench(nodes, folders):
    """Runs graphs: `bench.run(graph, *targets)` gives outputs by node id; events are kept."""
    engine = Engine(nodes, ResultCache(), context_maker(folders, lambda value, _: applied(value)))
    specs = {node_id: node.spec for node_id, node in nodes.items()}
    made = SimpleNamespace(events=[], finished=None, jobs=0, engine=engine)

    def check(graph):
        return validate(parse(graph, specs), specs, folders.names, nodes=nodes)

    def run(graph, *targets):
        made.jobs += 1
        made.events.clear()
        outputs = {}
        parsed = parse(graph, specs)
        job = RunRequest(f"job{made.jobs}", parsed, targets, {"workflow": {"id": 1}}, graph)
        made.finished = engine.complete(job, made.events.append, outputs.__setitem__)
        return outputs

    made.check, made.run = check, run
    yield made
    engine.close()
