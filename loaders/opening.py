"""Answers what weights lie at a path: in a file, in shards behind an index, in a folder of components."""

from pathlib import Path

from loaders.files import Weights, open_file
from loaders.joined import open_folder, open_shards
from loaders.quantised.view import shown


def open_weights(path: Path) -> Weights:
    """Open weights; a folder in the layout of diffusers comes under the names of a checkpoint.

    Quantised weights come packed, under their own names.

    Raises:
        BrokenFile: for a damaged file, a pickle that asks to run anything, or a folder that lacks weights.
    """
    if path.is_dir():
        return open_folder(path, open_weights)
    return shown(open_shards(path) if path.suffix == ".json" else open_file(path))
