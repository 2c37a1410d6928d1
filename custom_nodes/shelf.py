"""Which nodes does a worker offer now? The app's and the packs', loaded again when files of packs change."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from custom_nodes.host import paths
from custom_nodes.host.pack_server import Served
from custom_nodes.host.server import PromptServer
from custom_nodes.host.state import send_no_bytes, send_nowhere
from custom_nodes.packs import Packs, find_packs, load_packs, source_files
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
        send_bytes: the same for binary messages: (kind, bytes, page id or None for all).
        serves: whether routes of packs are served; a process without a server in front serves none.
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
        send_bytes: Callable[[int, bytes, str | None], None] = send_no_bytes,
        serves: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.places = tuple(places)
        self.folders = folders
        self.builtin = builtin
        self.base = base
        self.disabled = disabled
        self.whitelist = whitelist
        self.send = send
        self.send_bytes = send_bytes
        self.serves = serves
        self.served = Served()
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
                send_bytes=self.send_bytes,
                options=self.options,
            )
            if self.serves:
                self.served = PromptServer.instance.serve()
        else:
            self.packs.refresh()
            self.packs.model_folders |= paths.publish(self.folders)
        reports = tuple(report.to_json() for report in self.packs.reports)
        return {**self.builtin, **self.packs.nodes}, reports

    def brought(self) -> dict[str, Any]:
        """What packs bring beside nodes, as plain data: routes, model folders, a hand in submissions."""
        return {
            "routes": asdict(self.served) | {"paths": list(self.served.paths)},
            "model_folders": {} if self.packs is None else dict(self.packs.model_folders),
            "edits_prompts": bool(PromptServer.instance.on_prompt_handlers),
        }

    def edit(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """What packs make of the body of a submission."""
        return PromptServer.instance.trigger_on_prompt(dict(body))

    def stamp(self) -> Stamp:
        """When each Python file of a pack was changed last; a file that goes meanwhile is left out."""
        changes: Stamp = {}
        for path in find_packs(place.resolve() for place in self.places):
            for file in source_files(path):
                with suppress(OSError):
                    changes[str(file)] = file.stat().st_mtime_ns
        return changes
