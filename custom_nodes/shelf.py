"""Which nodes does a worker offer now? The app's and the packs', loaded again when files of packs change."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from custom_nodes.host.state import send_nowhere
from custom_nodes.packs import Packs, find_packs, load_packs
from loaders.folders import Folders
from nodes.api.declare import Node

Stamp = dict[str, int]


class Shelf:
    """The packs of one process.

    Args:
        places: folders that packs are in.
        folders: the app's files.
        builtin: the nodes that come with the app.
        base: the folder that packs take for the app's own.
        disabled: load only what is on the white list.
        whitelist: names of pack folders and files.
        send: passes a pack's message to the pages: (event, data, page id or None for all).
        options: command line options that packs may read.
    """

    def __init__(
        self,
        places: Iterable[Path],
        folders: Folders,
        builtin: Mapping[str, Node],
        *,
        base: Path | None = None,
        disabled: bool = False,
        whitelist: Sequence[str] = (),
        send: Callable[[str, Any, str | None], None] = send_nowhere,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.places = tuple(places)
        self.folders = folders
        self.builtin = builtin
        self.base = base
        self.disabled = disabled
        self.whitelist = whitelist
        self.send = send
        self.options = options
        self.packs: Packs | None = None
        self._stamp: Stamp = {}

    def look(self) -> tuple[dict[str, Node], tuple[Mapping[str, Any], ...]]:
        """All nodes, and a report for each pack as plain data.

        Packs are imported the first time and when one of their files has changed; otherwise their classes are
        only asked again what they offer.
        """
        stamp = self.stamp()
        if self.packs is None or stamp != self._stamp:
            self._stamp = stamp
            self.packs = load_packs(
                self.places,
                self.folders,
                self.builtin,
                base=self.base,
                disabled=self.disabled,
                whitelist=self.whitelist,
                send=self.send,
                options=self.options,
            )
        else:
            self.packs.refresh()
        reports = tuple(report.to_json() for report in self.packs.reports)
        return {**self.builtin, **self.packs.nodes}, reports

    def stamp(self) -> Stamp:
        """When each Python file of a pack was changed last."""
        files: list[Path] = []
        for path in find_packs(place.resolve() for place in self.places):
            files += path.rglob("*.py") if path.is_dir() else [path]
        return {str(file): file.stat().st_mtime_ns for file in files if file.is_file()}
