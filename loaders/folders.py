"""Answers where files are: models by folder key, inputs, outputs and temp files, and the next free name."""

import mimetypes
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from loaders.counters import Counters
from loaders.embedding_names import match_embedding
from loaders.training_config import NAMED
from loaders.vae_names import FOLDER as APPROXIMATE
from loaders.vae_names import halves, named_vaes
from nodes.api.context import SavedFile
from nodes.api.errors import NodeError

WEIGHTS = frozenset({".ckpt", ".pt", ".pt2", ".bin", ".pth", ".safetensors", ".pkl", ".sft"})
GGUF = frozenset({".gguf"})
# Where files in GGUF are listed beside other weights.
WITH_GGUF = ("checkpoints", "diffusion_models", "text_encoders", "vae")

# Key -> the folders under models/, in the order the /models route lists them.
MODEL_FOLDERS: Mapping[str, tuple[str, ...]] = {
    "checkpoints": ("checkpoints",),
    "configs": ("configs",),
    "loras": ("loras",),
    "vae": ("vae",),
    "text_encoders": ("text_encoders", "clip"),
    "diffusion_models": ("unet", "diffusion_models"),
    "clip_vision": ("clip_vision",),
    "style_models": ("style_models",),
    "embeddings": ("embeddings",),
    "diffusers": ("diffusers",),
    "vae_approx": ("vae_approx",),
    "controlnet": ("controlnet", "t2i_adapter"),
    "gligen": ("gligen",),
    "upscale_models": ("upscale_models",),
    "latent_upscale_models": ("latent_upscale_models",),
    "hypernetworks": ("hypernetworks",),
    "photomaker": ("photomaker",),
    "classifiers": ("classifiers",),
    "model_patches": ("model_patches",),
    "audio_encoders": ("audio_encoders",),
    "ipadapter": ("ipadapter",),
}
# Where nodes save models by themselves, below the output folder: they are listed like others.
SAVED: Mapping[str, str] = {
    "checkpoints": "checkpoints",
    "loras": "loras",
    "vae": "vae",
    "text_encoders": "clip",
    "diffusion_models": "diffusion_models",
}
# What the drop-down of autoencoders lists.
NAMED_VAES = "vae:named"
# What lists the files of all model folders, each behind the key of its folder.
ALL_MODELS = "models:all"
# Says which file of several holds which weights; it is listed for them.
INDEX_ENDING = ".safetensors.index.json"
# What the drop-down of training configurations lists.
NAMED_CONFIGS = "configs:named"
ALIASES: Mapping[str, str] = {
    "unet": "diffusion_models",
    "clip": "text_encoders",
    "unet_gguf": "diffusion_models",
    "clip_gguf": "text_encoders",
    NAMED_VAES: "vae",
    NAMED_CONFIGS: "configs",
}
# Keys that hold something else than weights, or only some kinds; an empty set admits every file.
EXTENSIONS: Mapping[str, frozenset[str]] = {
    "configs": frozenset({".yaml"}),
    "classifiers": frozenset({""}),
    "unet_gguf": GGUF,
    "clip_gguf": GGUF,
}
OWN_KINDS: Mapping[str, str] = {".webp": "image", ".avif": "image", ".latent": "latent"}
"""Kinds of input files that the system's list of media types does not know everywhere."""


_ANNOTATION = re.compile(r"^(?P<name>.*).\[(?P<kind>input|output|temp)\]$", re.DOTALL)


class Folders:
    """The files that a server or a session works with; a value that threads may share.

    Args:
        base: holds models/, input/, output/ and temp/ where nothing else is given.
        models: the folder of model folders.
        inputs: the folder of pictures that come in.
        outputs: the folder of files that nodes save.
        temporary: the folder of previews.
        bundled: read-only model folders that come with the app, listed after the user's own.
        extra: further folders per model key, listed after the user's own; unknown keys become new folders.
        preferred: the same, listed before the user's own.
    """

    def __init__(
        self,
        base: Path,
        *,
        models: Path | None = None,
        inputs: Path | None = None,
        outputs: Path | None = None,
        temporary: Path | None = None,
        bundled: Path | None = None,
        extra: Mapping[str, Sequence[Path]] | None = None,
        preferred: Mapping[str, Sequence[Path]] | None = None,
    ) -> None:
        self.base = base
        self.models = models or base / "models"
        self.bundled = bundled
        self.extra = {ALIASES.get(key, key): tuple(paths) for key, paths in (extra or {}).items()}
        self.preferred = {ALIASES.get(key, key): tuple(paths) for key, paths in (preferred or {}).items()}
        self._endings: dict[str, frozenset[str]] = {}
        self._counters = Counters()
        self._places = {
            "input": inputs or base / "input",
            "output": outputs or base / "output",
            "temp": temporary or base / "temp",
        }

    def adopt(self, key: str, places: Iterable[str], endings: Iterable[str] = ()) -> bool:
        """Search a model folder in further places too; a new key lists files with these endings (none: all).

        Returns whether anything was new.
        """
        key = ALIASES.get(key, key)
        is_known = key in self
        known = self.roots(key) if is_known else []
        new = tuple(place for text in places if (place := Path(text)) not in known)
        if is_known and not new:
            return False
        if not is_known:
            self._endings[key] = frozenset(endings)
        self.extra[key] = (*self.extra.get(key, ()), *new)
        return True

    def create(self) -> None:
        """Make the folders that a user drops files into."""
        for place in self._places.values():
            place.mkdir(parents=True, exist_ok=True)
        for key, folders in MODEL_FOLDERS.items():
            # One folder a key is enough to drop files into: the key's own name, not its older ones.
            (self.models / (key if key in folders else folders[0])).mkdir(parents=True, exist_ok=True)

    def keys(self) -> list[str]:
        """The keys of the model folders, in the ecosystem's order, then those added."""
        added = dict.fromkeys([*self.preferred, *self.extra])
        return [*MODEL_FOLDERS, *(key for key in added if key not in MODEL_FOLDERS)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def place(self, kind: str) -> Path:
        """The folder of `input`, `output` or `temp` files."""
        if kind not in self._places:
            raise NodeError(f"there is no folder of type {kind!r}; there are input, output and temp")
        return self._places[kind]

    def roots(self, folder: str) -> list[Path]:
        """Where the files of a model folder are searched, first match first."""
        key = ALIASES.get(folder, folder)
        if key not in MODEL_FOLDERS and key not in self.extra and key not in self.preferred:
            raise NodeError(f"there is no model folder {folder!r}; there are {', '.join(self)}")
        names = MODEL_FOLDERS.get(key, ())
        roots = [*self.preferred.get(key, ()), *(self.models / name for name in names)]
        roots.extend(self.extra.get(key, ()))
        if key in SAVED:
            roots.append(self._places["output"] / SAVED[key])
        if self.bundled is not None:
            roots.extend(self.bundled / name for name in names)
        return roots

    def extensions(self, folder: str) -> frozenset[str]:
        """The file name endings a model folder lists; empty admits all."""
        key = ALIASES.get(folder, folder)
        if (own := EXTENSIONS.get(folder) or EXTENSIONS.get(key)) is not None:
            return own
        if key in MODEL_FOLDERS:
            return WEIGHTS | GGUF if key in WITH_GGUF else WEIGHTS
        return self._endings.get(key, frozenset())

    def names(self, folder: str) -> list[str]:
        """The files of a model folder, relative and sorted; of `input`, `output`, `temp` those at the top.

        `input:image` (or `:audio`, `:video`, `:latent`) lists only that kind of file; `vae:named` also lists
        the autoencoders that have names instead of files, `configs:named` those that everybody has;
        `models:all` lists all weights as `folder/name`.
        """
        if folder == ALL_MODELS:
            keys = [key for key in self if key not in EXTENSIONS]
            return [f"{key}/{name}" for key in keys for name in self.names(key)]
        place, _, kind = folder.partition(":")
        if folder == NAMED_VAES:
            return [*self.names("vae"), *named_vaes(self.names(APPROXIMATE))]
        if folder == NAMED_CONFIGS:
            return sorted({*self.names("configs"), *NAMED})
        if place in self._places:
            return _top_files(self._places[place], kind)
        if ALIASES.get(folder, folder) == "diffusers":
            return _unique(_repositories(root) for root in self.roots(folder))
        extensions = self.extensions(folder)
        return _unique(_files(root, extensions) for root in self.roots(folder))

    def find(self, folder: str, name: str) -> Path:
        """The path of a file (or of a `diffusers` repository) in a model folder, or of an input.

        Raises:
            NodeError: if there is none, naming the folder, the name and where it was searched.
        """
        if folder == ALL_MODELS:
            folder, _, name = name.partition("/")
        place = folder.partition(":")[0]
        if place in self._places:
            return self._existing(place, name)
        relative = _relative(name)
        roots = self.roots(folder)
        for root in roots:
            path = root / relative
            if path.is_file() or (folder == "diffusers" and (path / "model_index.json").is_file()):
                return path
        raise NodeError(
            f"{folder} has no file {name!r}; searched in {', '.join(str(root) for root in roots)}"
        )

    def input(self, name: str) -> Path:
        """The path of an input; `name [output]` and `name [temp]` look in the other folders."""
        return self._existing("input", name)

    def annotated(self, name: str, default: str = "input") -> tuple[str, str]:
        """Split `x.png [output]` into the bare name and the type of its folder."""
        match = _ANNOTATION.match(name)
        return (match["name"], match["kind"]) if match else (name, default)

    def stamp(self, folder: str, name: str) -> tuple[int, int] | None:
        """Size and modification time in nanoseconds of a file, or None where there is none.

        An embedding may be named as prompts name it: without its ending, and without the folder it is in.
        """
        if folder == "embeddings":
            name = match_embedding(self.names(folder), name) or name
        if folder == NAMED_VAES:
            if (pair := halves(self.names(APPROXIMATE), name)) is not None:
                stamps = [self.stamp(APPROXIMATE, half) or (0, 0) for half in pair]
                return sum(size for size, _ in stamps), max(changed for _, changed in stamps)
            folder = "vae"
        try:
            path = self.find(folder, name)
            return _folder_stamp(path) if path.is_dir() else _stamp(path)
        except (NodeError, OSError):
            return None

    def reserve(
        self, prefix: str, extension: str, *, width: int = 0, height: int = 0, temporary: bool = False
    ) -> SavedFile:
        """Create the next free file `prefix_00001_.extension`, empty; never one that exists.

        Args:
            prefix: may hold folders, and %width% %height% %year% %month% %day% %hour% %minute% %second%.
            extension: with or without its dot.
            width: of the picture, for %width%.
            height: of the picture, for %height%.
            temporary: in the temp folder rather than the output folder.

        Raises:
            NodeError: for a prefix that leads out of the folder, or where nothing can be created.
        """
        kind = "temp" if temporary else "output"
        root = self._places[kind]
        relative = _relative(_fill_tokens(prefix, width, height))
        folder = root / relative.parent
        _confine(root, folder, prefix)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _confine(root, folder, prefix)
            filename = self._counters.create(folder, relative.name, extension.lstrip("."))
        except OSError as error:
            raise NodeError(f"cannot save {prefix[:80]!r} in {root}: {error.strerror}") from error
        subfolder = "" if relative.parent == Path() else str(relative.parent)
        return SavedFile(folder / filename, filename, subfolder, kind)

    def _existing(self, place: str, name: str) -> Path:
        bare, kind = self.annotated(name, place)
        root = self._places[kind]
        path = root / _relative(bare)
        try:
            inside = path.resolve(strict=True).is_relative_to(root.resolve())
        except OSError:
            inside = False
        if not inside or not path.is_file():
            raise NodeError(f"the {kind} folder has no file {bare!r}; searched in {root}")
        return path


def _relative(name: str) -> Path:
    """A name from a workflow as a relative path that cannot lead out of its root."""
    if "\0" in name:
        raise NodeError(f"the name {name!r} holds a character that no file can have")
    path = Path(os.path.normpath(name.replace("\\", "/"))) if name else Path()
    if path.is_absolute() or path.drive or ".." in path.parts or name.startswith(("/", "\\")):
        raise NodeError(f"the name {name!r} leads outside its folder, which is not allowed")
    return path


def _confine(root: Path, folder: Path, prefix: str) -> None:
    if not folder.resolve().is_relative_to(root.resolve()):
        raise NodeError(f"saving outside the output folder is not allowed: {prefix!r}")


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _folder_stamp(folder: Path) -> tuple[int, int]:
    """The size of all files below a folder, and the latest change among them."""
    stamps = [_stamp(folder / name) for name in _files(folder, frozenset())]
    return sum(size for size, _ in stamps), max(changed for _, changed in stamps)


def _files(root: Path, extensions: frozenset[str]) -> Iterator[str]:
    """Relative names of files below a root, links followed, each folder once.

    Where weights are asked for, the index of several files that hold them together counts as one.
    """
    seen: set[str] = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if name != ".git"]
        for name in files:
            is_index = extensions >= WEIGHTS and name.endswith(INDEX_ENDING)
            if is_index or not extensions or os.path.splitext(name)[1].lower() in extensions:  # noqa: PTH122
                yield os.path.relpath(Path(folder) / name, root)


def _repositories(root: Path) -> Iterator[str]:
    """Relative names of folders that hold a model_index.json."""
    for name in _files(root, frozenset({".json"})):
        path = Path(name)
        if path.name == "model_index.json" and path.parent != Path():
            yield str(path.parent)


def _unique(groups: Iterable[Iterable[str]]) -> list[str]:
    return sorted({name for group in groups for name in group})


def _top_files(root: Path, kind: str) -> list[str]:
    if not root.is_dir():
        return []
    names = sorted(path.name for path in root.iterdir() if path.is_file())
    return [name for name in names if not kind or _media_kind(name) == kind]


def _media_kind(name: str) -> str:
    ending = Path(name).suffix.lower()
    if ending in OWN_KINDS:
        return OWN_KINDS[ending]
    return (mimetypes.guess_type(name)[0] or "").partition("/")[0]


def _fill_tokens(prefix: str, width: int, height: int) -> str:
    if "%" not in prefix:
        return prefix
    now = time.localtime()
    values = {
        "width": str(width),
        "height": str(height),
        "year": str(now.tm_year),
        "month": f"{now.tm_mon:02}",
        "day": f"{now.tm_mday:02}",
        "hour": f"{now.tm_hour:02}",
        "minute": f"{now.tm_min:02}",
        "second": f"{now.tm_sec:02}",
    }
    return re.sub(r"%(\w+)%", lambda match: values.get(match[1], match[0]), prefix)
