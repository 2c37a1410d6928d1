"""What Chromium says that it did while a page was used: layouts, styles, paints, from a trace over CDP."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page

CATEGORIES = ["devtools.timeline", "blink.user_timing", "disabled-by-default-devtools.timeline"]
WORK = ("Layout", "UpdateLayoutTree", "Paint", "FireAnimationFrame", "MajorGC", "MinorGC")


def traced(
    browser: Browser, page: Page, act: Callable[[], Any], marks: tuple[str, str] | None
) -> tuple[Any, Counter[str]]:
    """What `act` gives, and how often each kind of work was done, between two marks of the page if given."""
    browser.start_tracing(page=page, categories=CATEGORIES)
    given = act()
    events = json.loads(browser.stop_tracing())["traceEvents"]
    begin, end = -1.0, float("inf")
    if marks:
        times = {event["name"]: event["ts"] for event in events if event["name"] in marks}
        begin, end = times[marks[0]], times[marks[1]]
    counted = Counter(
        event["name"]
        for event in events
        if event["name"] in WORK and event.get("ph") in {"X", "B"} and begin <= event["ts"] <= end
    )
    return given, counted
