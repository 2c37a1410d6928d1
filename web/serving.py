"""How does the application meet the network? With limits on how long it waits for a silent client."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from pathlib import Path

from aiohttp import web

from web.keys import SETTINGS

STOP_SECONDS = 1.0
MAX_HEADER_BYTES = 16_384
MAX_HEADERS = 100


def runner(app: web.Application) -> web.AppRunner:
    """What serves the application once it is set up and given sites.

    A connection that sends no whole request within `idle_seconds` is closed, be it new or kept alive.
    """
    return web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=STOP_SECONDS,
        keepalive_timeout=app[SETTINGS].idle_seconds,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        max_headers=MAX_HEADERS,
        lingering_time=STOP_SECONDS,
    )


class TlsError(ValueError):
    """The key or the certificate cannot be used; the text says why."""


def tls_context(key: Path | None, certificate: Path | None) -> ssl.SSLContext | None:
    """What encrypts the connections, from two PEM files; None without them. Raises `TlsError`."""
    if key is None and certificate is None:
        return None
    if key is None or certificate is None:
        raise TlsError("https needs both a key and a certificate")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as problem:
        raise TlsError(f"cannot use the key {key} with the certificate {certificate}: {problem}") from problem
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted; a server has nobody to ask for the password")


def addresses(runner: web.AppRunner, token: str | None, is_secure: bool) -> list[str]:
    """Where the page can be opened, with the token in it if one is given.

    A server that listens everywhere is named as this machine and its neighbours name it.
    """
    scheme, query = "https" if is_secure else "http", f"/?token={token}" if token else ""
    places: dict[str, None] = {}
    for host, port, *_ in runner.addresses:
        everywhere = ipaddress.ip_address(host.partition("%")[0]).is_unspecified
        names = ("localhost", socket.gethostname()) if everywhere else (f"[{host}]" if ":" in host else host,)
        places.update(dict.fromkeys(f"{scheme}://{name}:{port}{query}" for name in names))
    return list(places)
