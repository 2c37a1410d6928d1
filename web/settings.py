"""What the web edge is told by main.py: addresses, directories, limits and who may talk to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

VERSION = "0.1.0"
STATIC_ROOT = Path(__file__).parent / "static"


@dataclass(frozen=True)
class WebSettings:
    """Everything the routes and the middleware need to know that is not the queue or a model folder.

    `cors_origin` None keeps other origins out; "*" lets any page in (without credentials).
    `hosts` is what the server listens on; it decides which `Host` headers are believed.
    A body must come within `body_seconds`, and longer for what it holds at `slowest_bytes_per_second`.
    `webhook_hosts` are the names that jobs may have told of their end; none, and there are no webhooks.
    """

    user_directory: Path
    hosts: tuple[str, ...] = ("127.0.0.1",)
    port: int = 8188
    static_root: Path = STATIC_ROOT
    custom_nodes: tuple[Path, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    cors_origin: str | None = None
    token: str | None = None
    multi_user: bool = False
    compress_responses: bool = False
    max_upload_bytes: int = 100 * 2**20
    max_json_bytes: int = 64 * 2**20
    max_pending: int = 20_000
    catalogue_timeout_seconds: float = 60.0
    max_nodes: int = 65_536
    idle_seconds: float = 75.0
    body_seconds: float = 30.0
    slowest_bytes_per_second: int = 8192
    webhook_hosts: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()
    version: str = VERSION

    @property
    def uses_own_page(self) -> bool:
        """Whether the page served is ours and not another front end."""
        return self.static_root == STATIC_ROOT
