"""All is reached with the keyboard and read out: axe looks at each view; a graph is made without a mouse."""

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.browser.views import every_view

pytestmark = pytest.mark.browser

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
RULES = {"resultTypes": ["violations"], "runOnly": TAGS}
FAIL = """sfumato.board.setProblems([
    { key: "3", input: "seed", title: "x", text: "It failed.", details: "Traceback" }
])"""


def picture():
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 120, 200)).save(buffer, "PNG")
    return buffer.getvalue()


def grave(canvas):
    """What axe holds for serious or critical on the page as it stands."""
    if not canvas.ask("Boolean(window.axe)"):
        canvas.ask(AXE.read_text())
    found = canvas.ask("rules => axe.run(document, rules)", RULES)["violations"]
    return [
        (one["id"], [(node["target"], node.get("failureSummary", "")[:200]) for node in one["nodes"]][:4])
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core comes with npm ci")
@pytest.mark.parametrize("theme", ["light", "dark", "warm", "contrast"])
def test_axe_finds_nothing_grave_anywhere_in_any_theme(canvas, theme):
    canvas.page.emulate_media(reduced_motion="reduce")
    canvas.ask("theme => sfumato.settings.set('appearance.theme', theme)", theme)
    canvas.wait(f"document.documentElement.dataset.theme === '{theme}'")
    found = {view: faults for view in every_view(canvas, picture()) if (faults := grave(canvas))}
    assert found == {}


def test_a_graph_is_changed_and_its_errors_are_found_without_a_mouse(canvas):
    page = canvas.page
    page.keyboard.press("o")
    page.locator("#outline [role=option]:focus").wait_for()
    page.keyboard.press("ArrowDown")
    names = page.locator("#outline [role=option]").all_inner_texts()
    steps = next(index for index, name in enumerate(names) if name.startswith("VAE Decode"))
    for _ in range(steps - 1):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert canvas.ask("[...sfumato.view.selection].map(id => sfumato.store.graph.nodes.get(id).key)") == ["8"]
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Space")
    page.keyboard.type("preview image")
    page.keyboard.press("Enter")
    page.keyboard.press("l")
    page.get_by_role("dialog", name="Link Preview Image").wait_for()
    page.keyboard.type("vae decode")
    page.keyboard.press("Enter")
    assert "8.0 > 10.images" in canvas.links()
    before = canvas.ask("sfumato.store.graph.nodeByKey('10').position")
    page.keyboard.press("Control+ArrowRight")
    assert canvas.ask("sfumato.store.graph.nodeByKey('10').position")[0] > before[0]
    canvas.ask("sfumato.view.select([sfumato.store.graph.nodeByKey('3').id])")
    page.keyboard.press("e")
    page.get_by_label("Steps", exact=True).fill("7")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert canvas.values("3")["steps"] == 7
    canvas.ask(FAIL)
    page.locator("#problems li").first.wait_for()
    page.keyboard.press("!")
    assert page.evaluate("document.activeElement.closest('#problems') !== null")
