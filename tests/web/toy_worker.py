"""A real worker process whose nodes are toys: python toy_worker.py BASE --connect ADDRESS."""

# ruff: noqa: E402 - what is imported is found once the path is set

import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from executor.worker import child
from executor.worker.connection import Connection
from executor.worker.workbench import Workbench
from loaders.folders import Folders
from nodes.api.catalogue import collect
from tests.executor.worker.no_memory import NoMemory


def open_workbench() -> Workbench:
    modules = []
    for name, file in (("toy_nodes", "toy_nodes.py"), ("custom_nodes.toy_pack", "toy_pack.py")):
        spec = importlib.util.spec_from_file_location(name, HERE / file)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        modules.append(module)
    return Workbench(collect(modules), Folders(Path(sys.argv[1])), NoMemory())


child.prepare_process()
child.serve(Connection.open(sys.argv[sys.argv.index("--connect") + 1]), open_workbench())
