"""How does the application meet the network? With limits on how long it waits for a silent client."""

from __future__ import annotations

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
