"""The one exception that a route raises to refuse a request with a structured body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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


def error_body(
    type: str,  # noqa: A002 - the wire's own word
    message: str,
    details: str = "",
    extra_info: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The four-key error object that every refusal carries under `error`."""
    return {"type": type, "message": message, "details": details, "extra_info": dict(extra_info or {})}
