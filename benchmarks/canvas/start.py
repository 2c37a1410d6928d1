"""Counts and times the start of the page, cold and warm: python -m benchmarks.canvas.start [ROUNDS]."""

import statistics
import sys
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page

from benchmarks.canvas.drive import serving

READY = "html[data-ready]"
# What the page asks the server about, in contrast to its own files.
DATA = ("/api/", "/ws")


@dataclass
class Asked:
    """What one load of the page asked for; `files` of the page came over the line, the kept ones did not."""

    data: int = 0
    files: dict[str, str] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    bytes: int = 0


def listened(session: CDPSession) -> Asked:
    """Follow the requests of a page from now on."""
    asked = Asked()
    session.send("Network.enable")

    def answered(event: dict[str, Any]) -> None:
        answer, url = event["response"], event["response"]["url"]
        if url.startswith(("data:", "blob:")):
            return
        if any(part in url for part in DATA):
            asked.data += 1
        elif answer.get("fromDiskCache"):
            asked.kept.add(event["requestId"])
        elif event["requestId"] not in asked.kept:
            asked.files[event["requestId"]] = f"{answer['status']} {url}"

    def served(event: dict[str, Any]) -> None:
        asked.kept.add(event["requestId"])

    def received(event: dict[str, Any]) -> None:
        if event["requestId"] in asked.files:
            asked.bytes += event["dataLength"]

    session.on("Network.responseReceived", answered)
    session.on("Network.requestServedFromCache", served)
    session.on("Network.dataReceived", received)
    return asked


# What the page asked for before it could be used, whenever it came; what follows at rest is not part of it.
BEFORE = """() => {
  const usable = performance.getEntriesByName("sfumato-interactive")[0].startTime;
  const asked = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  return asked.filter((one) => one.startTime <= usable && !/\\/api\\/|\\/ws/.test(one.name))
    .reduce((sum, one) => sum + one.decodedBodySize, 0) / 1000;
}"""


def interactive(page: Page) -> float:
    """Milliseconds from the navigation to the page's own mark."""
    page.wait_for_selector(READY, state="attached")
    return float(page.evaluate("performance.getEntriesByName('sfumato-interactive')[0].startTime"))


def once(browser: Browser, address: str) -> tuple[dict[str, float], list[str]]:
    """One load with an empty cache, one reload, and the heap after it; what the reload fetched."""
    context = browser.new_context(viewport={"width": 1600, "height": 900})
    page = context.new_page()
    session = context.new_cdp_session(page)
    cold = listened(session)
    page.goto(address)
    found = {"cold ms": interactive(page)}
    page.wait_for_load_state("networkidle")
    found |= {
        "cold kB": page.evaluate(BEFORE),
        "cold requests": len(cold.files),
        "cold data requests": cold.data,
        "cold kB at rest": cold.bytes / 1000,
    }
    session.detach()
    session = context.new_cdp_session(page)
    warm = listened(session)
    page.reload()
    found["warm ms"] = interactive(page)
    page.wait_for_load_state("networkidle")
    found |= {"warm requests": len(warm.files), "warm kept": len(warm.kept), "warm data requests": warm.data}
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    metrics = session.send("Performance.getMetrics")["metrics"]
    found["heap MB"] = next(one["value"] for one in metrics if one["name"] == "JSHeapUsedSize") / 1e6
    context.close()
    return found, sorted(warm.files.values())


def main() -> None:
    """Print medians; nothing here fails on a time."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with serving() as (browser, address):
        once(browser, address)
        results = [once(browser, address) for _ in range(rounds)]
    for name in results[0][0]:
        values = [numbers[name] for numbers, _ in results]
        print(f"{name:24}{statistics.median(values):9.1f}   ({min(values):.1f} to {max(values):.1f})")
    print("fetched by the reload:", *results[-1][1])


if __name__ == "__main__":
    main()
