"""The small SDXL and a session that has its checkpoint, made once for all tests here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from executor.session import Session
from nodes.api.declare import node_of
from nodes.builtin import load_builtin
from tests.oracle.tiny_xl import TinyXl, build
from tests.oracle.xl_graphs import given, keep


@pytest.fixture(scope="session")
def oracle() -> TinyXl:
    return build()


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("xl")


@pytest.fixture(scope="session")
def session(oracle: TinyXl, base: Path) -> Iterator[Session]:
    oracle.save(base / "models" / "checkpoints" / "xl.safetensors")
    own = {"KeepLatent": node_of(keep), "GivenLatent": node_of(given)}
    with Session(base, nodes=load_builtin() | own, cpu=True) as session:
        yield session
