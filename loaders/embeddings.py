"""Answers which learnt vectors `embedding:name` stands for: finds the file and the right tensor in it."""

import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from loaders.embedding_names import match_embedding
from loaders.errors import BrokenFile
from loaders.files import SAFETENSORS, read_pickle
from loaders.opening import open_weights

FOLDER = "embeddings"
# How training scripts of diffusers call the encoders of Stable Diffusion XL.
_NUMBERED = {"clip_l": "text_encoders_0", "clip_g": "text_encoders_1"}


class Listing(Protocol):
    """The part of a context's files that embeddings need."""

    def names(self, folder: str) -> list[str]:
        """The files of a models folder, relative to it."""
        ...

    def find(self, folder: str, name: str) -> Path:
        """The path of one of them."""
        ...


def embedding_finder(files: Listing) -> Callable[[str, int, str], Tensor | None]:
    """What `encode_prompt` asks for the vectors of a name; each file is looked for once."""
    known: dict[tuple[str, int, str], Tensor | None] = {}

    def find(name: str, width: int, key: str) -> Tensor | None:
        asked = (name, width, key)
        if asked not in known:
            path = find_file(files, name)
            known[asked] = read_embedding(path, width, key) if path else None
        return known[asked]

    return find


def find_file(files: Listing, name: str) -> Path | None:
    """The file of an embedding, in the folder or any below it, with or without its ending."""
    found = match_embedding(files.names(FOLDER), name)
    return None if found is None else files.find(FOLDER, found)


def read_embedding(path: Path, width: int, key: str) -> Tensor:
    """The vectors (n, any width) of an embedding file.

    Args:
        path: the file.
        width: of the encoder they are for; files may hold several.
        key: the encoder's name in such files.

    Raises:
        BrokenFile: if it holds none, or asks to run something.
    """
    if path.suffix.lower() in SAFETENSORS:
        weights = open_weights(path)
        content: Any = dict(weights.read_many(weights))
    else:
        try:
            content = read_pickle(path)
        except BrokenFile:
            raw = _raw_vectors(path)
            if raw is None:
                raise
            return raw
    vectors = _choose(content, width, key)
    if vectors is None or vectors.ndim == 0:
        raise BrokenFile(path, "it holds no learnt vectors")
    return vectors.detach().float().reshape(-1, vectors.shape[-1])


def _choose(content: Any, width: int, key: str) -> Tensor | None:
    """The tensor meant, by where the known training programs put it."""
    if isinstance(content, Tensor):
        return content
    if isinstance(content, list):
        return _joined([v for item in content if isinstance(item, dict) for v in item.values()], width)
    if not isinstance(content, dict) or not content:
        return None
    parameters = content.get("string_to_param")
    if isinstance(parameters, Mapping):
        return _first_tensor(parameters.values())
    for name in (key, _NUMBERED.get(key)):
        if name in content:
            return _tensor(content[name])
    for ending in (".string_to_param.*", f".{key}"):
        bundled = [
            v for n, v in content.items() if str(n).startswith("bundle_emb.") and str(n).endswith(ending)
        ]
        if bundled:
            return _joined(bundled, None)
    return _first_tensor(content.values())


def _joined(values: list[Any], width: int | None) -> Tensor | None:
    tensors = [v for v in values if isinstance(v, Tensor) and v.ndim and width in (None, v.shape[-1])]
    return torch.cat([v.reshape(-1, v.shape[-1]) for v in tensors]) if tensors else None


def _first_tensor(values: Iterable[Any]) -> Tensor | None:
    return next((value for value in values if isinstance(value, Tensor)), None)


def _tensor(value: Any) -> Tensor | None:
    return value if isinstance(value, Tensor) else None


def _raw_vectors(path: Path) -> Tensor | None:
    """The last large enough block of numbers of an archive whose pickle cannot be read."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        for entry in reversed(archive.infolist()):
            if "/data/" not in f"/{entry.filename}" or not 768 * 4 <= entry.file_size <= 2**28:
                continue
            raw = bytearray(archive.read(entry))
            width = next((width for width in (768, 1024) if len(raw) % (4 * width) == 0), None)
            if width is not None:
                return torch.frombuffer(raw, dtype=torch.float32).reshape(-1, width)
    return None
