"""The extension API of the page in a real browser: one pack with one of everything."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.canvas_page import CanvasPage
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

PACKS = Path(__file__).resolve().parents[1] / "packs"
DIAL = {"1": {"class_type": "ExampleDial", "inputs": {"angle": 30, "label": "east"}}}


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A server with the packs that bring scripts, and one whose script fails."""
    base = tmp_path_factory.mktemp("packed")
    for pack in ("js_native", "js_failing"):
        shutil.copytree(PACKS / pack, base / "custom_nodes" / pack)
    server = Server(base)
    yield server
    server.stop()


@pytest.fixture
def extended(packed, chromium):
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    page = CanvasPage(context.new_page(), packed)
    page.open()
    page.wait("sfumato.extensions?.isDone")
    yield page
    page.close()


def open_dial(page):
    page.ask(
        """async (prompt) => {
            const { openJson } = await import(new URL("js/model/io/open.js", document.baseURI).href);
            sfumato.open(openJson(prompt, sfumato.store.definitions).document, "Dials");
        }""",
        DIAL,
    )
    page.wait("sfumato.store.graph.nodeByKey('1')")


def test_a_pack_adds_widgets_commands_menus_panels_and_follows_runs(extended):
    page = extended
    page.wait("sfumato.store.definitions.get('ExampleDial').inputs[0].widget?.guest === 'ANGLE'")
    open_dial(page)
    slider = page.page.get_by_role("slider", name="Angle")
    expect(slider).to_have_value("30")
    slider.fill("90")
    assert page.values("1")["angle"] == 90
    page.ask("() => sfumato.store.undo()")
    assert page.values("1")["angle"] == 30
    expect(slider).to_have_value("30")

    page.click("1", "title")
    page.page.keyboard.press("Alt+t")
    assert page.values("1")["angle"] == 120
    page.click("1", "title", button="right")
    page.page.get_by_role("menuitem", name="Turn by 90°").click()
    assert page.values("1")["angle"] == 210

    page.page.click("[data-panel=example]")
    expect(page.page.get_by_text("1 nodes")).to_be_visible()
    page.page.mouse.click(900, 700, button="right")
    page.page.get_by_role("menuitem", name="Add a dial here").click()
    expect(page.page.get_by_text("2 nodes")).to_be_visible()
    assert page.node_keys() == ["1", "2"]
    page.ask("() => sfumato.store.undo()")

    assert page.run() == {"1"}
    expect(page.page.locator("#toasts")).to_contain_text("Node 1 has run.")
    expect(page.page.locator("[data-panel=example]")).to_contain_text("done")

    page.ask("() => sfumato.extensions.dispose('js_native')")
    expect(page.page.locator("[data-panel=example]")).to_have_count(0)
    assert page.ask("() => sfumato.commands.all.has('example.turn')") is False
    page.wait("document.querySelector('.mount') === null")


def test_a_pack_that_fails_is_named_with_its_error_and_harms_nobody_else(extended):
    page = extended
    assert page.ask("() => sfumato.commands.all.has('example.turn')")
    page.ask("() => sfumato.commands.run('broken.throw')")
    page.page.locator("#toasts [data-name=extension-js_failing]").get_by_role(
        "button", name="Details"
    ).click()
    told = page.page.locator("section[data-pack=js_failing]")
    for words in ("a pack that fails on purpose", "made for version 99", "command broken.throw"):
        expect(told).to_contain_text(words)
    page.page.locator("section[data-pack=js_failing] input").uncheck()
    assert page.ask("() => sfumato.commands.all.has('broken.throw')") is False
    page.ask("() => sfumato.settings.flush()")
    page.page.reload()
    page.wait("globalThis.sfumato?.extensions?.isDone")
    assert page.ask("() => sfumato.extensions.reports.packs.get('js_failing').state") == "off"
    page.ask("() => { sfumato.extensions.turn('js_failing', true); return sfumato.settings.flush(); }")


def test_without_packs_the_page_fetches_nothing_of_the_adapter(canvas):
    canvas.wait("sfumato.extensions?.isDone")
    fetched = canvas.ask(
        "() => performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname)"
    )
    assert not [path for path in fetched if "/legacy/" in path or "/scripts/" in path or "native.js" in path]
    assert [path for path in fetched if path.endswith("extensions/loader.js")]
