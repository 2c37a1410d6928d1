"""Who may talk to this server: host names believed, origins proved, tokens compared."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from aiohttp import web

from web.refusal import RefusedError
from web.settings import WebSettings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


def split_host(host: str) -> tuple[str, int | None]:
    """The name and the port of a `Host` header; raises ValueError for anything that is not exactly that."""
    if host.startswith("["):
        name, closing, rest = host[1:].partition("]")
        if not closing or (rest and not rest.startswith(":")):
            raise ValueError(host)
        port = rest[1:]
        ipaddress.IPv6Address(name)
    else:
        name, _, port = host.partition(":")
        if not name or ":" in port:
            raise ValueError(host)
    if port and not (port.isascii() and port.isdigit()):
        raise ValueError(host)
    return name.lower(), int(port) if port else None


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def listens_beyond_loopback(hosts: tuple[str, ...]) -> bool:
    """Whether any of the addresses listened on can be reached from another machine."""
    for host in hosts:
        address = _address(host)
        if address is None and host != "localhost":
            return True
        if address is not None and not address.is_loopback:
            return True
    return False


def is_known_host(host: str, settings: WebSettings) -> bool:
    """Whether a `Host` header names this server, so that a page under a rebound name is kept out.

    A literal address cannot be rebound: any is believed when the server listens beyond loopback.
    """
    try:
        name, _ = split_host(host)
    except ValueError:
        return False
    if name == "localhost" or name in settings.allowed_hosts or name in settings.hosts:
        return True
    address = _address(name)
    if address is not None and (address.is_loopback or address.is_unspecified):
        return address.is_loopback
    if not listens_beyond_loopback(settings.hosts):
        return False
    own = socket.gethostname().lower()
    return address is not None or name in {own, f"{own}.local"}


def _same_place(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
        origin_port = parts.port
        name, port = split_host(host)
    except ValueError:
        return False
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is None or parts.path or parts.query or parts.username is not None:
        return False
    return (parts.hostname or "") == name and (origin_port or default) == (port or default)


def _allowed_origin(origin: str, settings: WebSettings) -> bool:
    return settings.cors_origin is not None and settings.cors_origin in {"*", origin}


def check_host(request: web.Request, settings: WebSettings) -> None:
    """Refuses a request whose `Host` header is missing or names somebody else."""
    host = request.headers.get("Host")
    if host is None:
        raise RefusedError(400, "missing_host", "The request names no Host")
    if not is_known_host(host, settings):
        message = "This server does not answer to that Host name; open it as localhost or by its address"
        raise RefusedError(403, "unknown_host", message)


def check_origin(request: web.Request, settings: WebSettings) -> None:
    """Refuses what a page of another origin sent: by its `Origin`, or without one by `Sec-Fetch-Site`.

    Following a link to a page of ours is the one thing that another site may cause.
    """
    origin = request.headers.get("Origin")
    if origin is not None:
        if _allowed_origin(origin, settings) or _same_place(origin, request.headers.get("Host", "")):
            return
        raise RefusedError(403, "foreign_origin", "Pages of another origin may not use this server")
    site = request.headers.get("Sec-Fetch-Site")
    if site is None or site in _OWN_SITES or settings.cors_origin == "*":
        return
    follows_link = (
        request.method in {"GET", "HEAD"}
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") == "document"
    )
    if not follows_link:
        raise RefusedError(403, "foreign_origin", "Pages of another site may not use this server")


def check_no_link(request: web.Request, settings: WebSettings) -> None:
    """Refuses a link followed from another site too, where an address may do more than show something."""
    site = request.headers.get("Sec-Fetch-Site")
    if site in {None, *_OWN_SITES} or "Origin" in request.headers or settings.cors_origin == "*":
        return  # an Origin was proved before
    raise RefusedError(403, "foreign_origin", "Pages of another site may not use the addresses of packs")


def check_content_type(request: web.Request, settings: WebSettings) -> None:
    """Refuses a form or plain text from something like a browser that does not prove its origin.

    Old programs send JSON under any content type; browsers can only do so from forms, which need no leave.
    """
    if request.method in SAFE_METHODS or request.content_type == "application/json":
        return
    headers = request.headers
    origin = headers.get("Origin")
    if origin is not None or headers.get("Sec-Fetch-Site") in _OWN_SITES:
        return  # check_origin has accepted it
    is_browser = (
        "Sec-Fetch-Site" in headers
        or "Referer" in headers
        or "Cookie" in headers
        or headers.get("User-Agent", "").startswith("Mozilla/")
    )
    if is_browser and settings.cors_origin != "*":
        raise RefusedError(403, "unproved_origin", "A change from a browser must carry its Origin or be JSON")
