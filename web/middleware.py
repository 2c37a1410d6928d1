"""What every request passes through: structured errors, access checks, CORS, cache and security headers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import PurePosixPath

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from web import access
from web.keys import GUESSES, MEASURES, SETTINGS
from web.refusal import RefusedError, error_body
from web.settings import WebSettings
from web.tokens import check_token
from web.wire_json import json_response

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ONE_HOUR = "public, max-age=3600"
ONE_DAY = "public, max-age=86400"
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"})
_REDIRECT_ONCE = frozenset({302, 303, 307})
_KEEPABLE = frozenset({*range(200, 207), 301, 308})

logger = logging.getLogger(__name__)


@web.middleware
async def structured_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns refusals, aiohttp's own errors and crashes into JSON; a crash is logged, never shown."""
    try:
        return await handler(request)
    except RefusedError as refused:
        return json_response(refused.body, refused.status, refused.headers)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return _http_error(error)
    except (HttpProcessingError, web.RequestPayloadError):
        body = error_body("malformed_request", "The request's body is not what its headers say")
        return json_response({"error": body}, HTTPStatus.BAD_REQUEST)
    except ConnectionResetError:
        raise
    except Exception:
        logger.exception("A request failed: %s %s", request.method, _printable(request.path))
        body = error_body("internal_error", "The server failed to answer; its log says why")
        return json_response({"error": body}, HTTPStatus.INTERNAL_SERVER_ERROR)


def _http_error(error: web.HTTPException) -> web.Response:
    kind = HTTPStatus(error.status)
    message = {
        HTTPStatus.NOT_FOUND: "There is nothing at this address",
        HTTPStatus.METHOD_NOT_ALLOWED: "This address does not know that method",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than this server accepts",
    }.get(kind, error.reason)
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    body = error_body(kind.name.lower(), message)
    return json_response({"error": body}, error.status, headers)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:200])


@web.middleware
async def security(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Checks host, origin, content type and token before a route is reached."""
    settings = request.app[SETTINGS]
    access.check_host(request, settings)
    if request.method == "OPTIONS":
        response: web.StreamResponse = web.Response()
    else:
        access.check_origin(request, settings)
        access.check_content_type(request, settings)
        check_token(request, settings, request.app[GUESSES])
        response = await handler(request)
    return response


def _cors_headers(request: web.Request, settings: WebSettings) -> dict[str, str]:
    if settings.cors_origin is None:
        return {}
    headers = {
        "Access-Control-Allow-Origin": settings.cors_origin,
        "Access-Control-Allow-Methods": "POST, GET, DELETE, PUT, OPTIONS, PATCH",
        "Access-Control-Allow-Headers": "Content-Type, Authorization",
    }
    if settings.cors_origin != "*":
        headers["Access-Control-Allow-Credentials"] = "true"
        headers["Vary"] = "Origin"
    return headers


async def finish(request: web.Request, response: web.StreamResponse) -> None:
    """Adds the headers that depend on the address and the settings just before an answer is sent."""
    settings = request.app[SETTINGS]
    headers = response.headers
    request.app[MEASURES].answered(response.status)
    headers["Server"] = "Sfumato"
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    if settings.cors_origin is None:
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.update(_cors_headers(request, settings))
    if "Cache-Control" not in headers and (value := cache_control(request.path, response.status)):
        headers["Cache-Control"] = value
    is_text = response.content_type in {"application/json", "text/plain"}
    if settings.compress_responses and is_text and "Content-Encoding" not in headers:
        response.enable_compression()


def cache_control(path: str, status: int) -> str | None:
    """How long an answer may be kept, by the address alone: code is revalidated, pictures are kept a day."""
    name = PurePosixPath(path).name
    if path.endswith((".js", ".css")) or (name.startswith("index") and name.endswith(".json")):
        return "no-cache"
    if PurePosixPath(path).suffix.lower() not in IMAGE_SUFFIXES:
        return None
    if status == HTTPStatus.NOT_FOUND:
        return ONE_HOUR
    if status in _REDIRECT_ONCE:
        return "no-cache"
    return ONE_DAY if status in _KEEPABLE else None
