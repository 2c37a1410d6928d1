"""Who holds the token? Headers, cookies and signed addresses are compared; those who guess must wait."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from web.refusal import RefusedError
from web.settings import WebSettings

TOKEN_COOKIE = "sfumato_token"
MOST_GUESSES = 10
GUESS_SECONDS = 60.0
REMEMBERED_CLIENTS = 10_000
LONGEST_SIGNED_SECONDS = 3600
# Readiness is told to whoever may ask: those who watch a server hold no token.
OPEN_PATHS = frozenset({"/health", "/api/health"})


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(32)


def has_token(offered: str | None, settings: WebSettings) -> bool:
    """Whether this is the token; takes as long for a wrong one as for the right one."""
    if not offered or settings.token is None:
        return False
    return hmac.compare_digest(offered.encode("utf-8", "replace"), settings.token.encode())


def _signature(token: str, path: str, query: list[tuple[str, str]], expires: int) -> str:
    text = f"{path}\n{urlencode(sorted(query))}\n{expires}"
    return hmac.new(token.encode(), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def signed(address: str, token: str, seconds: int) -> str:
    """An address of this server that can be read without the token for so many seconds."""
    parts = urlsplit(address)
    query = parse_qsl(parts.query, keep_blank_values=True)
    expires = int(time.time()) + seconds
    signature = _signature(token, parts.path, query, expires)
    return f"{parts.path}?{urlencode([*query, ('expires', str(expires)), ('signature', signature)])}"


def is_signed(request: web.Request, token: str) -> bool:
    """Whether the address carries a signature of ours that holds still; only for reading."""
    expires, signature = request.query.get("expires", ""), request.query.get("signature", "")
    if request.method not in {"GET", "HEAD"} or not (expires.isascii() and expires.isdigit()):
        return False
    query = [(key, value) for key, value in request.query.items() if key not in {"expires", "signature"}]
    expected = _signature(token, request.path, query, int(expires[:20]))
    is_ours = hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode())
    return is_ours and int(expires[:20]) > time.time()


@dataclass
class _Guesses:
    since: float
    count: int = 0


@dataclass
class Guesses:
    """How often did each client offer a wrong token lately? Bounded in memory; used on the event loop."""

    clients: OrderedDict[str, _Guesses] = field(default_factory=OrderedDict)

    def wait_seconds(self, client: str, now: float) -> int:
        """How long the client must wait before its next offer is looked at; 0 if it need not."""
        guesses = self.clients.get(client)
        if guesses is None or guesses.count < MOST_GUESSES:
            return 0
        left = guesses.since + GUESS_SECONDS - now
        if left <= 0:
            del self.clients[client]
            return 0
        return int(left) + 1

    def wrong(self, client: str, now: float) -> None:
        """Count a wrong token."""
        guesses = self.clients.get(client)
        if guesses is None or now - guesses.since > GUESS_SECONDS:
            guesses = self.clients[client] = _Guesses(now)
        guesses.count += 1
        self.clients.move_to_end(client)
        while len(self.clients) > REMEMBERED_CLIENTS:
            self.clients.popitem(last=False)


def client_of(request: web.Request) -> str:
    """The address that a client cannot change at will: of IPv6 the network, for a home has a whole one."""
    remote = request.remote or ""
    try:
        address = ipaddress.ip_address(remote.partition("%")[0])
    except ValueError:
        return remote
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def check_token(request: web.Request, settings: WebSettings, guesses: Guesses) -> None:
    """Refuses a request without the token, where one is demanded; header, cookie or query may carry it."""
    if settings.token is None or request.path in OPEN_PATHS:
        return
    client, now = client_of(request), time.monotonic()
    if wait := guesses.wait_seconds(client, now):
        headers = {"Retry-After": str(wait)}
        raise RefusedError(429, "too_many_guesses", "Too many wrong tokens came from here", headers=headers)
    authorization = request.headers.get("Authorization", "")
    offers = (
        authorization.removeprefix("Bearer ").strip() if authorization.startswith("Bearer ") else None,
        request.headers.get("X-Sfumato-Token"),
        request.cookies.get(TOKEN_COOKIE),
        request.query.get("token"),
    )
    if any(has_token(offer, settings) for offer in offers) or is_signed(request, settings.token):
        return
    if any(offers) or "signature" in request.query:
        guesses.wrong(client, now)
    headers = {"WWW-Authenticate": "Bearer"}
    raise RefusedError(401, "token_required", "This server demands its token", headers=headers)
