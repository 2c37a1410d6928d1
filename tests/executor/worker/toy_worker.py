"""A worker process with toy nodes: `python toy_worker.py BASE [--device NAME] --connect fd:N`."""

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from executor.worker import child
from executor.worker.connection import Connection, ConnectionHandler
from executor.worker.workbench import Workbench
from loaders.folders import Folders
from nodes.api.catalogue import collect
from tests.executor.worker import toy_nodes
from tests.executor.worker.no_memory import NoMemory

if __name__ == "__main__":
    base, address = sys.argv[1], sys.argv[-1]
    child.prepare_process()
    connection = Connection.open(address)
    logging.basicConfig(level="INFO", handlers=[ConnectionHandler(connection)], format="%(message)s")
    child.serve(connection, Workbench(collect([toy_nodes]), Folders(Path(base)), NoMemory()))
