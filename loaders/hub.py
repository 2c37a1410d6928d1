"""Fetches models from the Hugging Face Hub into its cache, by way of the optional library huggingface_hub.

A reference reads `owner/name`, `owner/name/file.safetensors` or either with `@revision` behind it. Only
weights and JSON are fetched; code that a repository brings is neither fetched nor run. The library's own
settings hold: HF_HOME (where the cache is), HF_TOKEN (for repositories that ask for one), HF_HUB_OFFLINE
(only what is there already).
"""

import importlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loaders.errors import SHARD, BrokenFile
from loaders.identify.folder import USUAL_NAMES
from nodes.api.errors import NodeError

_NAME = r"[A-Za-z0-9][\w.-]{0,95}"
_REFERENCE = re.compile(
    rf"(?P<repository>{_NAME}/{_NAME})(?:/(?P<file>[^@]+))?(?:@(?P<revision>[\w./-]{{1,200}}))?"
)
_WEIGHTS = (".safetensors", ".sft", ".bin", ".pt", ".pth", ".ckpt", ".gguf")
_SHOWN = 8
# What is looked at in a folder, the preferred first, as `identify.folder` does.
_PREFERRED = (".fp16.safetensors", ".safetensors", ".fp16.bin", ".bin")


@dataclass(frozen=True)
class Reference:
    """A place on the Hub.

    Attributes:
        repository: "owner/name".
        file: path inside it, or None for the whole.
        revision: branch, tag or commit; None is the default branch.
    """

    repository: str
    file: str | None = None
    revision: str | None = None


def parse_reference(text: str) -> Reference:
    """Read a reference; raises NodeError for one that is malformed or leaves its repository."""
    match = _REFERENCE.fullmatch(text.strip())
    if match is None or ".." in Path(match["file"] or "").parts:
        raise NodeError(
            f"{text[:200]!r} is no place on the Hub: write owner/name, owner/name/file, or either @revision"
        )
    return Reference(match["repository"], match["file"], match["revision"])


def fetch(text: str, tell: Callable[[str], None] = lambda line: None) -> Path:
    """The file or folder that a reference names, fetched if it is not in the cache; downloads resume.

    Args:
        text: the reference.
        tell: is told what is fetched.

    Raises:
        NodeError: if the reference is malformed, the library is not installed, or the Hub refuses.
    """
    reference = parse_reference(text)
    try:
        hub = importlib.import_module("huggingface_hub")
        errors = importlib.import_module("huggingface_hub.errors")
    except ImportError as error:
        raise NodeError(
            "the Hub is reached through huggingface_hub, which is not installed: "
            "install it with `pip install -r requirements-hub.txt`"
        ) from error
    try:
        tell(f"fetching {text}")
        if reference.file is not None:
            where = hub.hf_hub_download(reference.repository, reference.file, revision=reference.revision)
            return Path(where)
        return _fetch_folder(hub, reference)
    except (
        errors.HfHubHTTPError,
        errors.LocalEntryNotFoundError,
        errors.HFValidationError,
        OSError,
    ) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise NodeError(f"{text} cannot be had from the Hub: {first}") from error


def _fetch_folder(hub: Any, reference: Reference) -> Path:
    """The whole of a pipeline or component: its JSON and, of each folder, the weights to be opened."""
    named = {"revision": reference.revision}
    if hub.constants.HF_HUB_OFFLINE:
        return Path(hub.snapshot_download(reference.repository, **named, local_files_only=True))
    files = hub.HfApi().list_repo_files(reference.repository, **named)
    chosen = choose(files)
    if not any(name.endswith(_WEIGHTS) for name in chosen):
        raise BrokenFile(Path(reference.repository), "the repository holds no weights that can be opened")
    return Path(hub.snapshot_download(reference.repository, **named, allow_patterns=chosen))


def choose(files: Iterable[str]) -> list[str]:
    """The files of a repository that are worth fetching: JSON, and one set of weights a folder.

    In a folder with a pipeline's index, weights at the top are copies of what the components hold.

    Raises:
        NodeError: if it holds several sets of weights, of which none has a usual name.
    """
    files = sorted(files)
    is_pipeline = "model_index.json" in files
    chosen = [name for name in files if name.endswith(".json") and name.count("/") <= 1]
    folders: dict[str, list[str]] = {}
    for name in files:
        if name.endswith(_WEIGHTS) and name.count("/") <= 1:
            folders.setdefault(name.rpartition("/")[0], []).append(name)
    for folder, weights in folders.items():
        if is_pipeline and not folder:
            continue
        chosen += _one_set(_preferred(weights))
    return sorted(chosen)


def _one_set(weights: list[str]) -> list[str]:
    """One network's files out of those of several; raises NodeError where nothing tells which is meant."""
    sets: dict[str, list[str]] = {}
    for name in weights:
        stem = SHARD.sub("", name.rpartition("/")[2].partition(".")[0])
        sets.setdefault(stem, []).append(name)
    if len(sets) == 1:
        return weights
    for usual in USUAL_NAMES:
        if usual in sets:
            return sets[usual]
    names = [found[0] for found in sets.values()]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    raise NodeError(
        f"the repository holds {len(names)} files of weights; add the name of one behind a slash: "
        f"{', '.join(names[:_SHOWN])}{more}"
    )


def _preferred(weights: list[str]) -> list[str]:
    """One set out of several of the same weights: half precision before full, safetensors before pickles."""
    for ending in _PREFERRED:
        found = [name for name in weights if _ends(name, ending)]
        if found:
            return found
    return weights


def _ends(name: str, ending: str) -> bool:
    """Whether weights, or a shard of them, are of a kind; `.safetensors` is not `.fp16.safetensors`."""
    stem, _, rest = name.rpartition("/")[2].partition(".")
    del stem
    return SHARD.sub("", f".{rest}") == ending
