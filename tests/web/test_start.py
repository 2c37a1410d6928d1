"""The server process stays small: what it imports before the first request."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = (
    "torch",
    "numpy",
    "PIL",
    "scipy",
    "safetensors",
    "transformers",
    "nodes.image",
    "executor.run.engine",
)


def test_the_server_imports_nothing_heavy() -> None:
    program = f"import sys, web.app; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
