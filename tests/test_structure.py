"""Checks the house rules that no linter knows: sizes, empty packages, docstrings, clean text."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("nodes", "executor", "web", "models", "schedulers", "loaders", "training", "custom_nodes")
MOST_LINES = 400
MOST_FUNCTION_LINES = 60
TENSOR_ROOMS = ("models", "schedulers", "nodes")
# Tables of facts may be longer than code that people edit; each is named here with its reason.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def tracked(*patterns: str) -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listing.stdout.splitlines() if (path := ROOT / name).is_file()]


def python_files() -> list[Path]:
    return [p for p in tracked("*.py") if p.relative_to(ROOT).parts[0] in (*ROOMS, "main.py")]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_there_is_something_to_check() -> None:
    assert len(python_files()) > 50


@pytest.mark.parametrize("pattern", ["*.py", "*.js"])
def test_no_file_is_longer_than_people_read(pattern: str) -> None:
    long = {
        name(path): lines
        for path in tracked(pattern)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
        and name(path) not in LONG_FILES
    }
    assert long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{name(path)}:{function.name}": length
        for path in python_files()
        for function in functions(path)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > MOST_FUNCTION_LINES
        and f"{name(path)}:{function.name}" not in LONG_FUNCTIONS
    }
    assert long == {}


def test_packages_import_nothing_by_themselves() -> None:
    # nodes/__init__.py is the one exception: it serves names that packs import from a module called `nodes`.
    full = [
        name(path)
        for path in python_files()
        if path.name == "__init__.py" and name(path) != "nodes/__init__.py" and path.read_text().strip()
    ]
    assert full == []


def test_every_module_says_what_question_it_answers() -> None:
    silent = [
        name(path)
        for path in python_files()
        if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_every_public_tensor_parameter_has_a_shape() -> None:
    missing = []
    for path in python_files():
        if path.relative_to(ROOT).parts[0] not in TENSOR_ROOMS:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in tree.body:
            if not isinstance(function, ast.FunctionDef) or function.name.startswith("_"):
                continue
            takes_tensor = any(
                isinstance(argument.annotation, ast.Name) and argument.annotation.id == "Tensor"
                for argument in (*function.args.args, *function.args.kwonlyargs)
            )
            text = ast.get_docstring(function) or ""
            shape = r"\([\w.,*+/ -]*\)|any shape|scalar|same shape|[Ss]hape"
            if takes_tensor and not re.search(shape, text):
                missing.append(f"{name(path)}:{function.name}")
    assert missing == []


def test_nothing_unfinished_is_left_in_the_code() -> None:
    unfinished = re.compile(r"NotImplementedError|\b(TODO|FIXME|XXX)\b|except:\s*$", re.MULTILINE)
    found = [
        name(path)
        for path in [*python_files(), *tracked("web/static/*.js")]
        if unfinished.search(path.read_text())
    ]
    assert found == []


def test_the_page_never_builds_markup_from_text() -> None:
    risky = re.compile(r"\.innerHTML|\.outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function\(")
    assert [name(path) for path in tracked("web/static/*.js") if risky.search(path.read_text())] == []


def test_the_tree_names_no_registry_host() -> None:
    hosts = re.compile(r"https?://[^\s\"']*(pypi|npmjs|debian)[^\s\"']*\.(org|com|net)")
    texts = [p for p in tracked() if p.suffix in {".py", ".js", ".json", ".md", ".toml", ".txt", ".html", ""}]
    assert [
        name(path) for path in texts if hosts.search(path.read_text(encoding="utf-8", errors="ignore"))
    ] == []


def test_the_version_is_told_once_to_packagers_and_once_to_users() -> None:
    from web.settings import VERSION

    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
