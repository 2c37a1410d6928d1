"""Times the canvas in Chromium with real input: python -m benchmarks.canvas.drive [ROUNDS] [NODES ...]."""

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from benchmarks.canvas.trace import traced

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
STEPS = 60
FRAME = "() => new Promise(resolve => requestAnimationFrame(() => resolve()))"
COUNTERS = ("TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
LOAD = """async (text) => {
  const main = document.querySelector('script[src$="js/main.js"]').src;
  const { openJson } = await import(new URL('model/io/open.js', main));
  const { parseJson } = await import(new URL('model/io/json.js', main));
  const { store } = sfumato;
  const start = performance.now();
  const { document: opened } = openJson(parseJson(text), store.catalogue);
  sfumato.open(opened, 'Measured');
  const read = performance.now() - start;
  const frame = () => new Promise(resolve => requestAnimationFrame(resolve));
  await frame();
  await frame();
  return [read, performance.now() - start];
}"""
UNDO = """() => {
  const { store } = sfumato;
  const node = store.graph.nodes.values().next().value;
  const record = performance.now();
  const [x, y] = node.position;
  store.run('Move', change => change.put('node', { ...node, position: [x + 5, y] }));
  const undo = performance.now();
  store.undo();
  return [undo - record, performance.now() - undo];
}"""
EXPORT = """async () => {
  const main = document.querySelector('script[src$="js/main.js"]').src;
  const { writePrompt } = await import(new URL('model/io/flatten.js', main));
  const times = Array.from({ length: 7 }, () => {
    const start = performance.now();
    JSON.stringify(writePrompt(sfumato.store.document, sfumato.store.catalogue));
    return performance.now() - start;
  });
  return times.sort((one, other) => one - other)[3];
}"""
NEWS = (Path(__file__).parent / "run_news.js").read_text().split("*/", 1)[1].strip()


@dataclass
class Driver:
    """A page, its counters, and real input one step a frame."""

    browser: Browser
    page: Page
    session: CDPSession

    def counters(self) -> dict[str, float]:
        found = self.session.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in found}

    def steps(self, name: str, move: Any, count: int = STEPS) -> dict[str, float]:
        """Main-thread milliseconds a step while ``move(index)`` is done once a frame."""
        self.page.evaluate(FRAME)
        before = self.counters()
        counts = self.page.evaluate("[sfumato.view.draws, sfumato.view.painter.counts.nodes]")
        for index in range(count):
            move(index)
            self.page.evaluate(FRAME)
        after = self.counters()
        done = self.page.evaluate("[sfumato.view.draws, sfumato.view.painter.counts.nodes]")
        task, script, layout, style = (1000 * (after[one] - before[one]) / count for one in COUNTERS)
        draws = done[0] - counts[0]
        painted = (done[1] - counts[1]) / max(1, draws)
        return {f"{name} ms": task, f"{name} script": script, f"{name} layout": layout + style} | {
            f"{name} draws": draws / count,
            f"{name} painted": painted,
        }


def workflow(count: int) -> str:
    """The fixture as JSON text, from the same function as the model's benchmark."""
    script = (
        "const { gridWorkflow } = await import('./benchmarks/canvas/graph.js');"
        f"process.stdout.write(JSON.stringify(gridWorkflow({count})))"
    )
    return subprocess.run(
        ["node", "--input-type=module", "-e", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def middle(driver: Driver) -> None:
    """Show the middle of the graph at 100 %."""
    driver.page.evaluate(
        """() => { const { view } = sfumato; const { camera, width, height } = view;
        const [x, y, w, h] = view.scene.bounds();
        Object.assign(camera, { scale: 1, x: x + w / 2 - width / 2, y: y + h / 2 - height / 2 });
        view.redraw(); }"""
    )
    driver.page.evaluate(FRAME)


def panned(driver: Driver, name: str) -> dict[str, float]:
    """Pan with the middle button; the camera must have moved as far as the pointer."""
    mouse = driver.page.mouse
    mouse.move(800, 450)
    mouse.down(button="middle")
    start = driver.page.evaluate("sfumato.view.camera.x * sfumato.view.camera.scale")
    found = driver.steps(name, lambda index: mouse.move(800 + 4 * (index + 1), 450 + 2 * (index + 1)))
    mouse.up(button="middle")
    moved = start - driver.page.evaluate("sfumato.view.camera.x * sfumato.view.camera.scale")
    if abs(moved - 4 * STEPS) > 4:
        raise RuntimeError(f"{name}: panned by {moved}, not {4 * STEPS}")
    return found


def panned_afresh(driver: Driver, name: str) -> dict[str, float]:
    """Pan so far with each step that what is painted beyond the edge runs out every time."""
    mouse = driver.page.mouse
    mouse.move(500, 450)
    mouse.down(button="middle")
    found = driver.steps(name, lambda index: mouse.move(500 + 420 * ((index + 1) % 2), 450), STEPS // 3)
    mouse.up(button="middle")
    return found


def dragged(driver: Driver) -> dict[str, float]:
    """Drag the node in the middle by its title."""
    x, y = driver.page.evaluate(
        """() => { const { view } = sfumato; const box = view.stage.getBoundingClientRect();
        const centre = view.camera.toWorld(view.width / 2, view.height / 2);
        const far = node => Math.hypot(node.position[0] - centre[0], node.position[1] - centre[1]);
        const [node] = view.scene.nodesIn(view.visible()).sort((a, b) => far(a) - far(b));
        const [left, top] = view.scene.shape(node).title; window.measured = node.id;
        const [sx, sy] = view.camera.toScreen(left + 90, top + 12); return [sx + box.left, sy + box.top]; }"""
    )
    mouse = driver.page.mouse
    position = "sfumato.store.graph.nodes.get(window.measured).position[0]"
    start = driver.page.evaluate(position)
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 8, y)
    found = driver.steps("drag", lambda index: mouse.move(x + 8 + 3 * (index + 1), y + index + 1))
    mouse.up()
    moved = driver.page.evaluate(position) - start
    if abs(moved - (8 + 3 * STEPS)) > 1:
        raise RuntimeError(f"dragged by {moved}")
    driver.page.evaluate("sfumato.store.undo()")
    return found


def once(driver: Driver, count: int, text: str) -> dict[str, float]:
    """One round of everything at one size."""
    read, loaded = driver.page.evaluate(LOAD, text)
    found = {"load read ms": read, "load ms": loaded}
    middle(driver)
    found |= panned(driver, "pan 100 %") | panned_afresh(driver, "pan 100 % afresh") | dragged(driver)
    wheel = [1 if index % 2 else -1 for index in range(STEPS)]
    found |= driver.steps("zoom", lambda index: driver.page.mouse.wheel(0, 60 * wheel[index]))
    driver.page.evaluate("sfumato.view.clearSelection(); sfumato.view.fit()")
    found |= panned(driver, "pan whole") | panned_afresh(driver, "pan whole afresh")
    pairs = [driver.page.evaluate(UNDO) for _ in range(9)]
    found |= {
        f"{name} ms": statistics.median(pair[index] for pair in pairs)
        for index, name in enumerate(("record", "undo"))
    }
    found["export ms"] = driver.page.evaluate(EXPORT)
    middle(driver)
    driver.page.evaluate("sfumato.view.redraw()")
    run, work = traced(
        driver.browser,
        driver.page,
        lambda: driver.page.evaluate(NEWS, {"progress": 20, "previews": 10, "seconds": 2}),
        ("news-begin", "news-end"),
    )
    found |= {f"run {name}": value for name, value in run.items()} | {"run layouts": work["Layout"]}
    driver.page.wait_for_timeout(300)
    draws = driver.page.evaluate("sfumato.view.draws")
    driver.page.wait_for_timeout(1000)
    found["idle draws a second"] = driver.page.evaluate("sfumato.view.draws") - draws
    return found


def measure(driver: Driver, rounds: int, sizes: list[int]) -> None:
    driver.session.send("HeapProfiler.collectGarbage")
    heap = driver.counters()["JSHeapUsedSize"] / 1e6
    busy = driver.steps(
        "busy",
        lambda _: driver.page.evaluate(
            "{const end = performance.now() + 50; while (performance.now() < end);}"
        ),
        4,
    )
    quiet = driver.steps("quiet", lambda _: None)
    print(f"heap at start {heap:.1f} MB")
    print(f"control: a busy loop of 50 ms reads {busy['busy ms']:.0f} ms, nothing {quiet['quiet ms']:.1f} ms")
    for count in sizes:
        text = workflow(count)
        results = [once(driver, count, text) for _ in range(rounds)]
        driver.session.send("HeapProfiler.collectGarbage")
        heap = driver.counters()["JSHeapUsedSize"] / 1e6
        median = {name: statistics.median(one[name] for one in results) for name in results[0]}
        print(f"\n{count} nodes, heap {heap:.1f} MB")
        for name, value in median.items():
            print(f"  {name:24}{value:9.2f}")


@contextmanager
def serving(base: str | None = None) -> Iterator[tuple[Browser, str]]:
    """A browser, and the address of a server on a folder of its own."""
    with tempfile.TemporaryDirectory() as fresh, sync_playwright() as playwright:
        place = base or fresh
        command = [sys.executable, "main.py", "serve", "--port", "0", "--cpu", "--base-directory", place]
        server = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[-1]
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            yield browser, address
            browser.close()
        finally:
            server.terminate()
            server.wait()


def opened(browser: Browser, address: str) -> Driver:
    """The page, ready and with its catalogue, in a profile of its own."""
    page = browser.new_page(viewport={"width": 1600, "height": 900})
    page.goto(address)
    page.wait_for_selector("html[data-ready]", state="attached")
    while not page.evaluate("sfumato.view.isCatalogueComplete"):
        page.wait_for_timeout(50)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    return Driver(browser, page, session)


def main() -> None:
    """Print medians; nothing here fails on a time."""
    rounds, *sizes = [int(one) for one in sys.argv[1:]] or [3]
    with serving() as (browser, address):
        measure(opened(browser, address), rounds, sizes or [100, 1000, 5000])


if __name__ == "__main__":
    main()
