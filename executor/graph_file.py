"""Which workflow is in this file? Reads JSON, and pictures that carry their workflow."""

import json
from pathlib import Path
from typing import Any

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# A picture made by a node carries the graph that ran; the drawn workflow is read only where that is missing.
PNG_KEYS = ("prompt", "workflow")


class GraphFileError(Exception):
    """A file that holds no workflow; the text says what was expected and what came."""


def read_graph(path: Path) -> dict[str, Any]:
    """The workflow in a `.json` file (API or editor form) or in a PNG that a node saved."""
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise GraphFileError(f"{path} cannot be read: {problem.strerror}") from problem
    if content.startswith(PNG_SIGNATURE):
        return _object(_png_text(path), path)
    return _object(content, path)


def _object(text: str | bytes, path: Path) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except UnicodeDecodeError as problem:
        raise GraphFileError(f"{path} is neither JSON nor a PNG picture") from problem
    except json.JSONDecodeError as problem:
        place = f"line {problem.lineno}, column {problem.colno}"
        raise GraphFileError(f"{path} is not valid JSON: {problem.msg} at {place}") from problem
    except RecursionError as problem:
        raise GraphFileError(f"{path} is nested too deeply to be a workflow") from problem
    if not isinstance(data, dict):
        kind = {list: "a list", str: "a text", type(None): "null"}.get(type(data), f"a {type(data).__name__}")
        raise GraphFileError(f"{path} holds {kind} where a workflow is a JSON object")
    return data


def _png_text(path: Path) -> str:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            picture.load()
            texts = picture.info
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as problem:
        raise GraphFileError(f"{path} is a broken PNG: {problem}") from problem
    for key in PNG_KEYS:
        if isinstance(text := texts.get(key), str):
            return text
    raise GraphFileError(f"{path} is a picture without a workflow in it")
