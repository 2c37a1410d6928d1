"""What do the modules that packs import know of the app? One object, set before packs load."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loaders.folders import Folders
from nodes.api import context as running
from nodes.api.declare import Node


def send_nowhere(event: str, data: Any, sid: str | None) -> None:
    """Where there is no page, nothing is sent."""


def send_no_bytes(event: int, data: bytes, sid: str | None) -> None:
    """Where there is no page, nothing is sent."""


@dataclass
class Host:
    """The app as packs see it.

    folders: where files are.
    nodes: every node, by id; packs are added as they load.
    base: the folder that holds models, input, output and custom_nodes.
    send: passes a pack's own message to the pages; `sid` None is every page.
    send_bytes: the same for binary messages.
    web_directories: pack name -> folder of scripts for the page; packs may add to it.
    """

    folders: Folders
    nodes: dict[str, Node]
    base: Path
    send: Callable[[str, Any, str | None], None] = send_nowhere
    web_directories: dict[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    send_bytes: Callable[[int, bytes, str | None], None] = send_no_bytes


_hosts: list[Host] = []


def install(host: Host | None) -> None:
    """Set what the modules work with; None takes it away."""
    _hosts[:] = [] if host is None else [host]


def get_host() -> Host:
    """The app; raises RuntimeError outside a worker."""
    if not _hosts:
        raise RuntimeError("the modules for packs work in a worker only: call custom_nodes.packs.load_packs")
    return _hosts[0]


def get_context() -> Any:
    """The context of the node that runs now, or None."""
    return running.current.get()


def latest() -> running.Latest:
    """Which node of which page's job runs: of the code that asks, or elsewhere of whatever ran last."""
    context = get_context()
    if context is None:
        return running.latest[-1]
    return running.Latest(context.client_id, context.job_id, context.display_id)
