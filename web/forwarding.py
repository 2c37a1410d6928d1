"""What of a request and its answer may pass between the network and the code of a pack?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web
from multidict import CIMultiDict

from custom_nodes.host.pack_server import CLIENT_HEADER, SECRET_HEADER
from web.settings import WebSettings
from web.tokens import TOKEN_COOKIE, has_token

# What concerns one connection and not the request (RFC 9110, section 7.6.1), and what each side says itself.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OF_REQUESTS = HOP_BY_HOP | {"expect", "x-sfumato-token", SECRET_HEADER.lower(), CLIENT_HEADER.lower()}
_OF_ANSWERS = HOP_BY_HOP | {"server", "date"}
_OF_HANDSHAKES = "sec-websocket-"


def _named(headers: Mapping[str, str]) -> set[str]:
    """What the `Connection` header says belongs to the connection."""
    return {name.strip().lower() for name in headers.get("Connection", "").split(",")}


def request_headers(request: web.Request, settings: WebSettings, secret: str) -> CIMultiDict[str]:
    """The headers of a request as a pack may see them: whose the server is stays with the server."""
    headers: CIMultiDict[str] = CIMultiDict()
    dropped = _OF_REQUESTS | _named(request.headers)
    for name, value in request.headers.items():
        kept: str | None = value
        lower = name.lower()
        if lower in dropped or lower.startswith(_OF_HANDSHAKES):
            continue
        if lower == "cookie":
            kept = _without_token_cookie(value)
        elif lower == "authorization" and has_token(value.partition(" ")[2].strip(), settings):
            kept = None
        elif lower == "referer":
            kept = _without_query(value)
        if kept:
            headers.add(name, kept)
    headers[SECRET_HEADER], headers[CLIENT_HEADER] = secret, request.remote or ""
    return headers


def _without_token_cookie(value: str) -> str:
    parts = [part.strip() for part in value.split(";")]
    return "; ".join(part for part in parts if part.partition("=")[0].strip() != TOKEN_COOKIE)


def _without_query(address: str) -> str:
    try:
        return urlsplit(address)._replace(query="", fragment="").geturl()
    except ValueError:
        return ""


def query_of(request: web.Request, settings: WebSettings) -> str:
    """The query string without the token and without a signature that stands for it."""
    hidden = {"expires", "signature"} if "signature" in request.query and settings.token else set()

    def is_ours(part: str) -> bool:
        pairs = parse_qsl(part, keep_blank_values=True)
        return any(
            name in hidden or (name == "token" and has_token(value, settings)) for name, value in pairs
        )

    return "&".join(
        part for part in request.rel_url.raw_query_string.split("&") if part and not is_ours(part)
    )


def answer_headers(headers: Mapping[str, str], items: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """The headers of a pack's answer as the network may see them; a pack sets no token of ours."""
    dropped = _OF_ANSWERS | _named(headers)
    return CIMultiDict(
        (name, value)
        for name, value in items
        if name.lower() not in dropped
        and not (name.lower() == "set-cookie" and value.partition("=")[0].strip() == TOKEN_COOKIE)
    )
