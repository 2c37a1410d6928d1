"""All is reached with the keyboard and read out: axe looks at each view; a graph is made without a mouse."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.views import FAIL, every_view

pytestmark = pytest.mark.browser

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
RULES = {"resultTypes": ["violations"], "runOnly": TAGS}
NODES = "[...sfumato.store.graph.nodes.values()]"


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
    (canvas.server.base / "output").mkdir(exist_ok=True)
    (canvas.server.base / "output" / "shown.txt").write_text("An entry of the gallery")
    canvas.page.emulate_media(reduced_motion="reduce")
    canvas.ask("theme => sfumato.settings.set('appearance.theme', theme)", theme)
    canvas.wait(f"document.documentElement.dataset.theme === '{theme}'")
    found = {view: faults for view in every_view(canvas) if (faults := grave(canvas))}
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
    canvas.choose_type("preview image")
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


def choose(page, name):
    """Run a command by its words."""
    page.keyboard.press("Control+k")
    page.locator(".palette").wait_for()
    page.keyboard.type(name)
    page.keyboard.press("Enter")


def set_value(canvas, node, label, value):
    """Go to a node in the list of nodes and type one of its values."""
    page = canvas.page
    page.keyboard.press("o")
    page.locator("#outline [role=option]:focus").wait_for()
    for _ in range(20):
        if page.locator("#outline [role=option]:focus").inner_text().startswith(node):
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    field = page.get_by_label(label, exact=True)
    field.wait_for()
    for _ in range(30):
        if field.evaluate("one => one === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type(value)
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")


def test_a_whole_job_is_done_with_the_keyboard_alone(canvas):
    """From a template to a picture that is looked at and a workflow that is saved, without a mouse."""
    page = canvas.page
    choose(page, "begin with a template")
    page.get_by_role("dialog", name="Begin with").wait_for()
    for _ in range(20):
        if page.evaluate("document.activeElement.matches('.template')"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    canvas.wait("sfumato.name !== 'Untitled'")
    set_value(canvas, "Prompt", "Text", "a red circle")
    assert canvas.ask(f"{NODES}.some(one => one.values.text === 'a red circle')")
    set_value(canvas, "KSampler", "Steps", "3")
    assert canvas.ask(f"{NODES}.some(one => one.type === 'KSampler' && one.values.steps === 3)")
    page.keyboard.press("Control+Enter")
    canvas.wait(
        "sfumato.runner.preparing === 0 && sfumato.runner.jobs.size === 0 && sfumato.board.outputs.size > 0"
    )
    expect(page.locator("#voice")).to_have_text("The run is done.")
    page.keyboard.press("a")
    page.locator(".asset").first.wait_for()
    for _ in range(20):
        if page.evaluate("document.activeElement.classList.contains('asset')"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator(".lightbox").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    page.get_by_label("Save the workflow as").last.wait_for()
    page.keyboard.press("Control+a")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    canvas.wait("sfumato.savedAs === 'by keyboard' && !sfumato.isDirty")
    assert page.evaluate("document.activeElement !== document.body")
