"""Where are models, inputs and outputs? (`folder_paths` to packs)"""

import mimetypes
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from custom_nodes.host.state import get_host
from loaders.folders import ALIASES, WEIGHTS, Folders
from nodes.api.errors import NodeError

supported_pt_extensions = set(WEIGHTS)
folder_names_and_paths: dict[str, tuple[list[str], set[str]]] = {}
"""Model folders by key, with the endings of their files; packs change it, `publish` passes it on."""

SYSTEM_USER_PREFIX = "__"
filename_list_cache: dict[str, Any] = {}


def fill(folders: Folders, custom_nodes: Iterable[Path]) -> None:
    """Read the table of model folders from the app."""
    folder_names_and_paths.clear()
    for key in folders:
        places = [str(place) for place in folders.roots(key)]
        folder_names_and_paths[key] = (places, set(folders.extensions(key)))
    folder_names_and_paths["custom_nodes"] = ([str(place) for place in custom_nodes], set())


def publish(folders: Folders) -> dict[str, dict[str, list[str]]]:
    """Tell the app of model folders that packs added; returns the new ones by key: `places` and `endings`."""
    added: dict[str, dict[str, list[str]]] = {}
    for key, (places, endings) in folder_names_and_paths.items():
        if key == "custom_nodes":
            continue
        known = [str(place) for place in folders.roots(key)] if key in folders else []
        if not known or any(str(place) not in known for place in places):
            folder = {"places": [str(place) for place in places], "endings": sorted(map(str, endings))}
            if folders.adopt(key, **folder):
                added[key] = folder
    return added


def map_legacy(folder_name: str) -> str:
    """The present name of a model folder."""
    return ALIASES.get(folder_name, folder_name)


def get_output_directory() -> str:
    """Where results are saved."""
    return str(get_host().folders.place("output"))


def get_input_directory() -> str:
    """Where pictures come in."""
    return str(get_host().folders.place("input"))


def get_temp_directory() -> str:
    """Where previews are saved."""
    return str(get_host().folders.place("temp"))


def get_user_directory() -> str:
    """Where the user's data is kept."""
    return str(get_host().options.get("user_directory") or get_host().base)


def get_directory_by_type(type_name: str) -> str | None:
    """The folder of "output", "temp" or "input"."""
    return str(get_host().folders.place(type_name)) if type_name in ("output", "temp", "input") else None


def annotated_filepath(name: str) -> tuple[str, str | None]:
    """Split `x.png [output]` into the bare name and its folder, None where none is named."""
    bare, kind = get_host().folders.annotated(name, "")
    return bare, get_directory_by_type(kind)


def get_annotated_filepath(name: str, default_dir: str | None = None) -> str:
    """The path of a file that is named as nodes name inputs; never outside its folder."""
    bare, folder = annotated_filepath(name)
    root = Path(folder or default_dir or get_input_directory())
    path = Path(os.path.normpath(root / bare))
    if not path.is_relative_to(os.path.normpath(root)):
        raise NodeError(f"the name {name!r} leads outside its folder, which is not allowed")
    return str(path)


def exists_annotated_filepath(name: str) -> bool:
    """Whether there is such a file."""
    try:
        return Path(get_annotated_filepath(name)).exists()
    except NodeError:
        return False


def add_model_folder_path(folder_name: str, full_folder_path: str, is_default: bool = False) -> None:
    """Search a model folder in one more place, before the others if it is the default."""
    key = map_legacy(folder_name)
    places = folder_names_and_paths.setdefault(key, ([], set()))[0]
    if full_folder_path in places and is_default:
        places.remove(full_folder_path)
    if full_folder_path not in places:
        places.insert(0 if is_default else len(places), full_folder_path)


def get_folder_paths(folder_name: str) -> list[str]:
    """The places where a model folder is searched."""
    return list(folder_names_and_paths[map_legacy(folder_name)][0])


def recursive_search(
    directory: str, excluded_dir_names: Iterable[str] | None = None
) -> tuple[list[str], dict[str, float]]:
    """All files below a folder, relative to it, and the folders with their times of change."""
    excluded = set(excluded_dir_names or ())
    files: list[str] = []
    folders: dict[str, float] = {}
    for place, names, found in os.walk(directory, followlinks=True):
        names[:] = [name for name in names if name not in excluded]
        folders[place] = Path(place).stat().st_mtime
        files += [os.path.relpath(Path(place) / name, directory) for name in found]
    return files, folders


def filter_files_extensions(files: Iterable[str], extensions: Iterable[str]) -> list[str]:
    """The files with one of these endings, sorted; all files where there are no endings."""
    endings = set(extensions)
    return sorted(name for name in files if not endings or Path(name).suffix.lower() in endings)


def filter_files_content_types(files: Iterable[str], content_types: Iterable[str]) -> list[str]:
    """The files that are pictures, videos, audio or models."""
    wanted = set(content_types)
    kinds = {name: (mimetypes.guess_type(name)[0] or "").partition("/")[0] for name in files}
    kinds |= {name: "image" for name in kinds if name.lower().endswith(".webp")}
    kinds |= {name: "model" for name in kinds if name.lower().endswith((".fbx", ".glb", ".obj", ".stl"))}
    return [name for name, kind in kinds.items() if kind in wanted]


def get_filename_list(folder_name: str) -> list[str]:
    """The files of a model folder."""
    places, extensions = folder_names_and_paths[map_legacy(folder_name)]
    found: set[str] = set()
    for place in places:
        files, _ = recursive_search(place, {".git"}) if Path(place).is_dir() else ([], {})
        found.update(filter_files_extensions(files, extensions))
    return sorted(found)


def get_full_path(folder_name: str, filename: str) -> str | None:
    """The path of a model file, or None; never outside its folder."""
    key = map_legacy(folder_name)
    if key not in folder_names_and_paths:
        return None
    inside = os.path.relpath(os.path.join("/", filename), "/")  # noqa: PTH118 - ".." ends at the root
    for place in folder_names_and_paths[key][0]:
        path = Path(place) / inside
        if path.is_file():
            return str(path)
    return None


def get_full_path_or_raise(folder_name: str, filename: str) -> str:
    """The path of a model file; raises FileNotFoundError where there is none."""
    path = get_full_path(folder_name, filename)
    if path is None:
        raise FileNotFoundError(f"{folder_name} has no file {filename!r}")
    return path


def get_save_image_path(
    filename_prefix: str, output_dir: str, image_width: int = 0, image_height: int = 0
) -> tuple[str, str, int, str, str]:
    """Folder, file name, next number, subfolder and prefix for files that a node saves itself."""
    from loaders.counters import highest_number
    from loaders.folders import _fill_tokens

    prefix = _fill_tokens(filename_prefix, image_width, image_height)
    relative = Path(os.path.normpath(prefix))
    folder = Path(output_dir) / relative.parent
    if not folder.resolve().is_relative_to(Path(output_dir).resolve()):
        raise NodeError(f"saving outside the output folder is not allowed: {filename_prefix!r}")
    folder.mkdir(parents=True, exist_ok=True)
    subfolder = "" if relative.parent == Path() else str(relative.parent)
    return str(folder), relative.name, highest_number(folder, relative.name) + 1, subfolder, prefix


def get_input_subfolders() -> list[str]:
    """The folders below the input folder, relative to it."""
    root = Path(get_input_directory())
    return sorted(str(place.relative_to(root)) for place in root.rglob("*") if place.is_dir())


PLACES: Mapping[str, Any] = {
    "base_path": lambda: str(get_host().base),
    "models_dir": lambda: str(get_host().folders.models),
    "output_directory": get_output_directory,
    "input_directory": get_input_directory,
    "temp_directory": get_temp_directory,
    "user_directory": get_user_directory,
}


def __getattr__(name: str) -> str:
    if name in PLACES:
        return str(PLACES[name]())
    raise AttributeError(f"folder_paths has no {name}")
