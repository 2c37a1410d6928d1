"""The one exception that a route raises to refuse a request with a structured body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LONGEST_TEXT = 4000


class RefusedError(Exception):
    """A request that is turned away: an HTTP status, a machine-readable type and a sentence."""

    def __init__(
        self,
        status: int,
        type: str,  # noqa: A002 - the wire's own word
        message: str,
        details: str = "",
        *,
        extra_info: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {
            "error": error_body(type, message, details, extra_info),
            **body,
        }


class BadQueryError(RefusedError):
    """A query that clients of the ecosystem know to be refused as `{"error": sentence}`."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "invalid_query", message)
        self.body = {"error": message}


def error_body(
    type: str,  # noqa: A002 - the wire's own word
    message: str,
    details: str = "",
    extra_info: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The four-key object that every refusal carries under `error`; texts are cut to what a person reads."""
    extra = {name: clipped(value) for name, value in (extra_info or {}).items()}
    return {"type": type, "message": clipped(message), "details": clipped(details), "extra_info": extra}


def clipped(value: Any) -> Any:
    """A text cut to its beginning if it is very long, as what a client sent may be; all else as it is."""
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[:LONGEST_TEXT]}... ({len(value)} letters)"
    return value
