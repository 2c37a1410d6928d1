"""Which nodes did the last worker have? Kept on disk, so that the page is complete before a worker is up."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nodes.api.spec import NodeSpec

logger = logging.getLogger(__name__)


def load(path: Path) -> list[NodeSpec]:
    """The specs of the last run; none if there was no last run or it was another version's."""
    try:
        return [NodeSpec.from_json(spec) for spec in json.loads(path.read_bytes())["specs"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as problem:
        logger.info("%s is not read, the worker will send a new catalogue: %s", path, problem)
        return []


def save(path: Path, specs: Sequence[Mapping[str, Any]]) -> None:
    """Keep the specs for the next start; never half of them."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(json.dumps({"specs": specs}))
        part.replace(path)
    except OSError as problem:
        logger.warning("the catalogue cannot be kept in %s: %s", path, problem)
