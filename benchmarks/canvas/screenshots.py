"""Pictures of the page, light and dark: python -m benchmarks.canvas.screenshots [FOLDER [VIEW ...]]."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize

from benchmarks.canvas.drive import ROOT, serving

WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
OPEN = """async ([text, name]) => {
  const main = document.querySelector('script[src$="js/main.js"]').src;
  const { openJson } = await import(new URL('model/io/open.js', main));
  const { document: opened } = openJson(JSON.parse(text), sfumato.store.catalogue);
  sfumato.open(opened, name);
  sfumato.view.fit();
}"""
SEEDS = (11, 12, 13, 14, 15, 16)
RUN = """async (seed) => {
  const { store, runner } = sfumato;
  for (const node of store.graph.nodes.values()) {
    if (node.type !== "KSampler") continue;
    store.run("Seed", (change) => change.put("node", { ...node, values: { ...node.values, seed } }));
  }
  await runner.run();
}"""
FAIL = """() => {
  const { store } = sfumato;
  for (const node of store.graph.nodes.values()) {
    if (node.type !== "CheckpointLoaderSimple") continue;
    const values = { ...node.values, ckpt_name: "a-model-that-is-not-here.safetensors" };
    store.run("Model", (change) => change.put("node", { ...node, values }));
  }
}"""


def opened(browser: Browser, address: str, scheme: str, size: ViewportSize, scale: float = 1) -> Page:
    """The page in a profile of its own."""
    context = browser.new_context(
        viewport=size,
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=scale,
        has_touch=size is PHONE,
        bypass_csp=True,
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("html[data-ready]", state="attached")
    until(page, "sfumato.view.isCatalogueComplete")
    return page


def until(page: Page, words: str) -> None:
    """Wait for an expression of the page to be true."""
    while not page.evaluate(words):
        page.wait_for_timeout(50)


def settled(page: Page) -> None:
    """Wait until everything that is fetched is there and nothing moves."""
    page.mouse.move(2, 400)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(600)


def ran(page: Page) -> None:
    """A few results, the last of them on the canvas."""
    for seed in SEEDS:
        page.evaluate(RUN, seed)
        until(page, "sfumato.runner.jobs.size === 0 && sfumato.runner.preparing === 0")
    settled(page)


def start(page: Page) -> None:
    """The graph that the page begins with, and its result."""
    ran(page)
    page.evaluate("sfumato.view.fit()")


MANY = """() => {
  const part = sfumato.workflow();
  const names = ["First draft", "Warmer", "Colder", "Larger", "Fewer steps", "More steps", "Last"];
  const colours = ["#3f789e", "#8a6d3b", "#5b7f4b", "#7d5a8c"];
  const all = { ...part, id: "many", nodes: [], links: [], groups: [], extra: {} };
  for (let copy = 0; copy < 12; copy += 1) {
    const [x, y] = [(copy % 3) * 1720, Math.floor(copy / 3) * 740];
    const key = (number) => number + copy * 20;
    for (const node of part.nodes) {
      all.nodes.push({
        ...structuredClone(node), id: key(node.id), pos: [node.pos[0] + x, node.pos[1] + y],
        inputs: node.inputs.map((one) => ({ ...one, link: one.link === null ? null : one.link + copy * 40 })),
        outputs: node.outputs.map((one) => ({
          ...one, links: one.links?.map((link) => link + copy * 40) ?? null,
        })),
      });
    }
    for (const [id, from, slot, to, input, type] of part.links) {
      all.links.push([id + copy * 40, key(from), slot, key(to), input, type]);
    }
    const left = Math.min(...part.nodes.map((node) => node.pos[0])) + x - 30;
    const top = Math.min(...part.nodes.map((node) => node.pos[1])) + y - 70;
    const name = `${names[copy % names.length]} ${Math.floor(copy / names.length) + 1}`;
    const bounding = [left, top, 1640, 640];
    all.groups.push({ id: copy + 1, title: name, bounding, color: colours[copy % 4], font_size: 40 });
  }
  return JSON.stringify(all);
}"""


def graph(page: Page) -> None:
    """Many nodes in groups, with the map."""
    page.evaluate(OPEN, [page.evaluate(MANY), "Variations"])
    page.keyboard.press("Alt+Shift+M")


def form(page: Page) -> None:
    """The form of the graph that the page begins with."""
    ran(page)
    page.keyboard.press("Alt+m")
    page.locator("#form .form-field").first.wait_for()


def gallery(page: Page) -> None:
    """What was made, beside the canvas."""
    ran(page)
    page.keyboard.press("a")
    page.locator(".asset").first.wait_for()


def error(page: Page) -> None:
    """What is wrong, on its node, on its value and in the list."""
    page.evaluate(FAIL)
    page.click("#run")
    page.locator("#problems li").first.wait_for()


def templates(page: Page) -> None:
    """What a workflow may begin with."""
    page.evaluate("() => sfumato.commands.run('templates')")
    page.locator(".template").first.wait_for()


def keep(page: Page, path: Path) -> None:
    """Write what is on screen without loss."""
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(path, lossless=True, quality=90, method=6)


VIEWS: dict[str, Callable[[Page], None]] = {
    "start": start,
    "graph": graph,
    "form": form,
    "gallery": gallery,
    "error": error,
    "templates": templates,
}


def main() -> None:
    """Write each picture."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "page"
    wanted = sys.argv[2:] or list(VIEWS)
    folder.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        for scheme in ("light", "dark"):
            with serving() as (browser, address):
                page = opened(browser, address, scheme, WIDE)
                VIEWS[name](page)
                settled(page)
                keep(page, folder / f"{name}-{scheme}.webp")
    with serving() as (browser, address):
        for scheme in ("light", "dark"):
            page = opened(browser, address, scheme, PHONE, 2)
            page.locator("#form .form-field").first.wait_for()
            settled(page)
            keep(page, folder / f"phone-{scheme}.webp")


if __name__ == "__main__":
    main()
