"""A long session in short, 500 results and 2,000 edits, and its heap: python -m benchmarks.canvas.soak."""

import sys
import tempfile
from pathlib import Path

from PIL import Image

from benchmarks.canvas.drive import LOAD, Driver, opened, serving, workflow

FRAME = "() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))"
RESULT = """async ([from, to]) => {
  const { runner, store } = sfumato;
  const prompt = Object.fromEntries([...store.graph.nodes.values()].map((one) => [one.key, {}]));
  const two = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  for (let index = from; index < to; index += 1) {
    const job = runner.newJob(`soak-${index}`, store.document.id, prompt);
    const about = { prompt_id: job.id };
    runner.jobs.set(job.id, job);
    runner.receive("execution_start", about);
    for (const key of Object.keys(prompt).slice(0, 5)) runner.receive("executing", { ...about, node: key });
    const images = [{ filename: `soak-${index}.png`, subfolder: "", type: "output" }];
    runner.receive("executed", { ...about, node: "9", output: { images } });
    runner.receive("execution_success", about);
    runner.receive("executing", { ...about, node: null });
    await two();
  }
}"""
EDIT = """async ([from, to]) => {
  const { store, view } = sfumato;
  const nodes = [...store.graph.nodes.values()];
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  for (let index = from; index < to; index += 1) {
    const node = store.graph.nodes.get(nodes[index % nodes.length].id);
    store.run("Move", (change) => change.put("node", { ...node, position: [index % 900, index % 700] }));
    if (index % 20 === 0) view.select([node.id]);
    if (index % 7 === 0) store.undo();
    if (index % 10 === 0) await frame();
  }
}"""


def kept(driver: Driver) -> dict[str, float]:
    """What the page holds after its garbage was collected."""
    driver.page.wait_for_timeout(2500)
    driver.page.evaluate(FRAME)
    for _ in range(2):
        driver.session.send("HeapProfiler.collectGarbage")
    counters = driver.counters()
    return {
        "heap MB": counters["JSHeapUsedSize"] / 1e6,
        "nodes": counters["Nodes"],
        "listeners": counters["JSEventListeners"],
    }


def soaked(driver: Driver, results: int, edits: int) -> dict[str, tuple[float, float]]:
    """What the page held before and after so many results and edits, the first of each being of the start."""
    driver.page.evaluate(RESULT, [0, 20])
    driver.page.evaluate(EDIT, [0, 600])
    before = kept(driver)
    driver.page.evaluate(RESULT, [20, 20 + results])
    driver.page.evaluate(EDIT, [600, 600 + edits])
    after = kept(driver)
    return {name: (before[name], after[name]) for name in before}


def main() -> None:
    """Print what grew."""
    results, edits = [int(one) for one in sys.argv[1:3]] or [500, 2000]
    with tempfile.TemporaryDirectory() as base:
        output = Path(base) / "output"
        output.mkdir()
        for index in range(results + 20):
            Image.effect_noise((512, 512), 40 + index % 60).convert("RGB").save(output / f"soak-{index}.png")
        with serving(base) as (browser, address):
            driver = opened(browser, address)
            driver.page.evaluate("sfumato.view.fit()")
            for name, (before, after) in soaked(driver, results, edits).items():
                print(f"start graph: {name:12}{before:10.1f} -> {after:10.1f}   {after - before:+.1f}")
            driver.page.evaluate(LOAD, workflow(1000))
            for name, (before, after) in soaked(driver, results, edits).items():
                print(f"1,000 nodes: {name:12}{before:10.1f} -> {after:10.1f}   {after - before:+.1f}")


if __name__ == "__main__":
    main()
