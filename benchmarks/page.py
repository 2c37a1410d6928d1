"""Times the page from process start until it is usable in Chromium: python -m benchmarks.page [ROUNDS]."""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.async_api import Browser, async_playwright

ROOT = Path(__file__).resolve().parent.parent
PORT = 8377
ADDRESS = f"http://127.0.0.1:{PORT}"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]


async def answered() -> None:
    """Wait until the server answers."""
    while True:
        try:
            await asyncio.to_thread(
                lambda: urllib.request.urlopen(f"{ADDRESS}/system_stats", timeout=5).close()
            )
            return
        except urllib.error.URLError:
            await asyncio.sleep(0.01)


async def once(browser: Browser, base: str) -> float:
    """Seconds from process start to the page's own mark."""
    page = await (await browser.new_context(viewport={"width": 1440, "height": 900})).new_page()
    command = [sys.executable, "main.py", "serve", "--port", str(PORT), "--base-directory", base]
    began = time.perf_counter()
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await answered()
        await page.goto(ADDRESS, wait_until="commit")
        await page.wait_for_selector("html[data-ready]", state="attached")
        return time.perf_counter() - began
    finally:
        await page.close()
        server.terminate()
        await asyncio.to_thread(server.wait)


async def measure(rounds: int) -> list[float]:
    """The rounds after a first, which leaves a catalogue on disk as every start but the first finds it."""
    with tempfile.TemporaryDirectory() as base:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            first = await once(browser, base)
            await asyncio.sleep(5)
            print(f"first start ever  {first:6.2f} s")
            return [await once(browser, base) for _ in range(rounds)]


def main() -> None:
    """Print the median and the range."""
    times = asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
    print(f"page interactive  {statistics.median(times):6.2f} s  ({min(times):.2f} to {max(times):.2f})")


if __name__ == "__main__":
    main()
