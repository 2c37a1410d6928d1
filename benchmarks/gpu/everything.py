"""Takes all measurements that need a GPU, one after another, and prints the table: `make bench-gpu`.

python -m benchmarks.gpu.everything [--dry] [--only NAME,NAME] [--seconds 570]: each part runs in a process of
its own and is ended when it takes longer, so that what is found is kept.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PARTS = ("steps", "copying", "quantised", "loading", "caches", "growth", "ways")
_ROOT = Path(__file__).resolve().parent.parent.parent


def run_part(name: str, out: Path, dry: bool, seconds: float) -> str:
    """Run one part; what went wrong, or an empty string."""
    command = [sys.executable, "-m", f"benchmarks.gpu.{name}", "--out", str(out), *(["--dry"] if dry else [])]
    try:
        done = subprocess.run(command, cwd=_ROOT, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return f"took longer than {seconds:.0f} s"
    return "" if done.returncode == 0 else f"ended with {done.returncode}"


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as markdown."""
    lines = ["| what | found | reach | |", "|---|---|---|---|"]
    marks = {None: "", True: "reached", False: "**missed**"}
    lines += [
        f"| {row['what']} | {row['found']} | {row['reach']} | {marks[row['is_reached']]} |" for row in rows
    ]
    return "\n".join(lines)


def machine() -> str:
    """What it was measured on."""
    import torch

    name = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or "processor"
    return f"{name}, torch {torch.__version__}, Python {platform.python_version()}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--seconds", type=float, default=570.0)
    parser.add_argument("--out", type=Path, default=None, help="keep the rows, as JSON lines")
    options = parser.parse_args(arguments)
    wrong = {}
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder) / "rows.jsonl"
        for name in options.only.split(","):
            print(f"-- {name}", flush=True)
            if problem := run_part(name, out, options.dry, options.seconds):
                wrong[name] = problem
        rows = (
            [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
            if out.exists()
            else []
        )
    print(f"\n{machine()}\n\n{table(rows)}")
    for name, problem in wrong.items():
        print(f"{name} {problem}", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
