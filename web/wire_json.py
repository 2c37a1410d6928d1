"""JSON as it crosses the wire: bodies read strictly, values written so that every client can parse them."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from web.keys import SETTINGS
from web.refusal import BadQueryError, RefusedError

MAX_DEPTH = 200
COMPACT = (",", ":")
# Longer bodies are parsed in a thread, so that nobody else waits.
QUICK_BYTES = 2**18


class _DuplicateKeyError(ValueError):
    """An object names one key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKeyError(key)
            seen.add(key)
    return result


def _is_deep(value: Any) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            child
            for item in level
            for child in (item.values() if type(item) is dict else item)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def parse_json(body: bytes) -> Any:
    """The value in `body`; raises RefusedError (400, `invalid_json`) that says what is wrong."""
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise _invalid(f"The body is not UTF-8 (byte {error.start})") from None
    except _DuplicateKeyError as error:
        raise _invalid(f"The body names the key {str(error)[:80]!r} twice in one object") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise _invalid(f"The body is not JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise _invalid(f"The body is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError:
        raise _invalid("The body holds a number with too many digits") from None
    if _is_deep(value):
        raise _invalid(f"The body is nested deeper than {MAX_DEPTH} levels")
    if b"\\ud" in body or b"\\uD" in body:
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise _invalid("The body holds half of a surrogate pair, which is not text") from None
    return value


def _invalid(message: str) -> RefusedError:
    return RefusedError(400, "invalid_json", message)


@asynccontextmanager
async def patience(request: web.Request, length: int = 0) -> AsyncIterator[asyncio.Timeout]:
    """Time for a body of that length to come; refuses (408) a client that takes longer."""
    settings = request.app[SETTINGS]
    try:
        async with asyncio.timeout(
            settings.body_seconds + length / settings.slowest_bytes_per_second
        ) as time:
            yield time
    except TimeoutError:
        raise RefusedError(
            408, "body_too_slow", "The body came too slowly", headers={"Connection": "close"}
        ) from None


async def read_body(request: web.Request, limit: int) -> bytes:
    """The whole body, refused (413) as soon as it is known to exceed `limit` bytes."""
    body = bytearray()
    length = request.content_length or 0
    async with patience(request) as limit_of_time:
        loop, settings = asyncio.get_running_loop(), request.app[SETTINGS]
        start = loop.time() + settings.body_seconds
        while length <= limit and (block := await request.content.readany()):
            body += block
            length = max(length, len(body))  # a packed body is longer than its header says
            limit_of_time.reschedule(start + len(body) / settings.slowest_bytes_per_second)
    if length > limit:
        raise RefusedError(413, "body_too_large", f"The body is larger than {limit} bytes")
    return bytes(body)


async def read_json(request: web.Request) -> Any:
    """The request's body as JSON, whatever its content type says."""
    body = await read_body(request, request.app[SETTINGS].max_json_bytes)
    return await asyncio.to_thread(parse_json, body) if len(body) > QUICK_BYTES else parse_json(body)


async def read_object(request: web.Request) -> dict[str, Any]:
    """The request's body as a JSON object; anything else is refused."""
    value = await read_json(request)
    if not isinstance(value, dict):
        raise RefusedError(400, "invalid_body", f"The body must be a JSON object, not {type_name(value)}")
    return value


def type_name(value: Any) -> str:
    """What JSON calls the type of a parsed value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"


def to_json(value: Any) -> str:
    """`value` as JSON that any client parses: no NaN, no Infinity, foreign objects as their text."""
    try:
        return json.dumps(value, allow_nan=False, separators=COMPACT)
    except (TypeError, ValueError):
        return json.dumps(plain(value), allow_nan=False, separators=COMPACT)


def plain(value: Any, depth: int = MAX_DEPTH) -> Any:
    """A copy of `value` made only of what JSON knows; numbers that JSON lacks become null."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth == 0:
        return "..."
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, depth - 1) for item in value]
    return str(value)


def text_response(text: str) -> web.Response:
    """JSON that is text already as an answer; numbers that JSON lacks become null."""
    if "NaN" in text or "Infinity" in text:
        text = to_json(json.loads(text))
    return web.Response(text=text, content_type="application/json", charset="utf-8")


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """`value` as an `application/json; charset=utf-8` answer."""
    return web.Response(
        text=to_json(value), status=status, headers=headers, content_type="application/json", charset="utf-8"
    )


def whole_number(text: str | None, name: str) -> int | None:
    """An optional integer from the query string, within what JSON holds exactly; raises BadQueryError."""
    if text is None:
        return None
    try:
        number = int(text)
    except ValueError:
        raise BadQueryError(f"{name} must be an integer") from None
    return max(-(2**53), min(2**53, number))


def is_true(text: str | None) -> bool:
    """Whether a query or form value says yes."""
    return text is not None and text.lower() in {"true", "1"}
