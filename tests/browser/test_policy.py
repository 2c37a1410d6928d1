"""The content security policy: strict, broken by no view, loosened for scripts of the ecosystem only."""

import shutil
from pathlib import Path

import pytest

from tests.browser.canvas_page import CanvasPage
from tests.browser.conftest import Server
from tests.browser.views import every_view

pytestmark = pytest.mark.browser

PACK = Path(__file__).resolve().parents[1] / "packs" / "js_ecosystem"
WATCH = """addEventListener("securitypolicyviolation", event => {
    const kept = sessionStorage.getItem("broken");
    const told = `${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`;
    sessionStorage.setItem("broken", JSON.stringify([...JSON.parse(kept ?? "[]"), told]));
}, true)"""
BROKEN = "JSON.parse(sessionStorage.getItem('broken') ?? '[]')"
# What a tool of the browser runs may use eval; what it leaves for later may not.
BREAK = """async () => {
    const style = document.createElement("style");
    style.textContent = "body { --broken: yes }";
    const script = document.createElement("script");
    script.textContent = "window.broken = true";
    document.head.append(style, script);
    const part = document.createElement("div");
    part.setAttribute("style", "color: red");
    await new Promise(resolve => setTimeout(() => {
        try { new Function("window.broken = true")(); } catch { window.refused = true; }
        resolve();
    }));
    const seen = getComputedStyle(document.body).getPropertyValue("--broken");
    return [seen, window.broken ?? null, window.refused];
}"""


def test_no_view_of_the_page_breaks_the_policy(server, chromium):
    context = chromium.new_context(viewport={"width": 1600, "height": 900})
    context.add_init_script(WATCH)
    canvas = CanvasPage(context.new_page(), server)
    canvas.open()
    seen = []
    for view in every_view(canvas):
        seen.append(view)
        assert canvas.ask(BROKEN) == [], view
    assert len(seen) > 20
    assert canvas.faults == []
    assert canvas.ask(BREAK) == ["", None, True]
    kinds = {told.split(" ")[0] for told in canvas.wait(BROKEN)}
    assert kinds == {"style-src-elem", "style-src-attr", "script-src-elem", "script-src"}
    canvas.faults.clear()
    canvas.close()


def test_packs_of_the_ecosystem_may_write_styles_and_nothing_more(chromium, tmp_path):
    shutil.copytree(PACK, tmp_path / "custom_nodes" / PACK.name)
    server = Server(tmp_path)
    context = chromium.new_context(viewport={"width": 1200, "height": 800})
    context.add_init_script(WATCH)
    canvas = CanvasPage(context.new_page(), server)
    canvas.open()
    canvas.wait("sfumato.extensions?.isDone")
    assert canvas.ask(BROKEN) == []
    assert canvas.ask(BREAK) == ["yes", None, True]
    kinds = {told.split(" ")[0] for told in canvas.wait(BROKEN)}
    assert kinds == {"script-src-elem", "script-src"}
    context.close()
    server.stop()
