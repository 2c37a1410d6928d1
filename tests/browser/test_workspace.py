"""Tabs, drafts and saving: nothing that a person did is ever lost."""

import json
import urllib.request
from urllib.parse import quote

import pytest
from playwright.sync_api import Error, expect

from tests.browser.canvas_page import OVER, CanvasPage
from tests.browser.conftest import CHROMIUM, FLAGS, Server

pytestmark = pytest.mark.browser

# What is read from the database comes after what was written before.
WRITTEN = (
    "sfumato.drafts.unwritten.size === 0 && sfumato.drafts.writeTimer === undefined"
    " && sfumato.drafts.box.all().then(() => true)"
)


def put(server, name, value, revision=None):
    headers = {"Content-Type": "application/json"} | ({"If-Match": revision} if revision else {})
    request = urllib.request.Request(
        f"{server.url}/api/workflows/{quote(name, safe='')}",
        json.dumps(value).encode(),
        headers,
        method="PUT",
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["revision"]


def names(canvas):
    return canvas.ask("sfumato.workspace.tabs.map(tab => tab.name)")


def test_two_workflows_run_apart_and_a_reload_finds_both_with_their_results(canvas):
    canvas.type_value("3", "seed", "5001")
    canvas.type_value("3", "steps", "60")
    canvas.page.click("#run")
    canvas.wait("sfumato.runner.current !== null")
    canvas.page.keyboard.press("Alt+n")
    assert canvas.ask("sfumato.runner.current") is None
    assert canvas.ask("sfumato.board.runs.size") == 0
    canvas.type_value("3", "seed", "5002")
    canvas.page.click("#run")
    canvas.wait(OVER)
    first = canvas.page.get_by_role("tab").first
    expect(first).to_have_attribute("data-run", "done")
    [mine] = canvas.ask("sfumato.board.outputOf('9').pictures")
    first.click()
    [other] = canvas.ask("sfumato.board.outputOf('9').pictures")
    assert mine != other
    assert canvas.values("3")["seed"] == 5001
    canvas.wait(WRITTEN)
    canvas.reload()
    assert canvas.values("3")["seed"] == 5001
    assert len(names(canvas)) == 2
    assert canvas.picture_url("9") == other
    canvas.page.keyboard.press("Alt+PageDown")
    assert canvas.values("3")["seed"] == 5002
    assert canvas.picture_url("9") == mine


def test_a_closed_tab_is_opened_again_with_what_was_not_saved(canvas):
    canvas.type_value("3", "seed", "77")
    canvas.page.keyboard.press("Alt+n")
    canvas.page.keyboard.press("Alt+PageUp")
    canvas.page.keyboard.press("Alt+w")
    assert canvas.values("3")["seed"] == 1
    canvas.page.keyboard.press("Alt+Shift+T")
    assert canvas.values("3")["seed"] == 77
    expect(canvas.page.get_by_role("tab", name="not saved")).to_have_count(1)


def test_two_pages_on_one_server_keep_each_its_own_work(canvas):
    other = CanvasPage(canvas.page.context.new_page(), canvas.server)
    other.open()
    pages = {"61": canvas, "62": other}
    for seed, page in pages.items():
        page.page.bring_to_front()
        page.type_value("3", "seed", seed)
        page.wait(WRITTEN)
    for page in pages.values():
        page.ask("() => sfumato.drafts.send()")
    for seed, page in pages.items():
        page.page.bring_to_front()
        page.reload()
        assert page.values("3")["seed"] == int(seed)
        assert len(names(page)) == 1
    assert other.faults == []


def test_a_duplicated_page_and_its_twin_both_hear_of_their_runs(canvas):
    with canvas.page.context.expect_page() as opened:  # the browser copies what the page keeps for its tab
        canvas.ask("() => void window.open(location.href)")
    twin = CanvasPage(opened.value, canvas.server)
    twin.wait_until_ready()
    assert canvas.ask("sfumato.clientId") != twin.ask("sfumato.clientId")
    for seed, page in (("6101", canvas), ("6102", twin)):
        page.type_value("3", "seed", seed)
        page.page.click("#run")
        page.wait(OVER)
    twin.page.close()
    canvas.reload()
    assert canvas.ask("sfumato.clientId") == canvas.ask("sessionStorage.getItem('sfumato.window')")


def test_a_killed_browser_loses_nothing(server, tmp_path, chromium):
    """Another browser process with a profile on disk; it is killed without a word to the page."""
    options = {"executable_path": str(CHROMIUM), "args": FLAGS, "viewport": {"width": 1600, "height": 900}}
    launch = chromium.browser_type.launch_persistent_context
    context = launch(tmp_path, **options)
    canvas = CanvasPage(context.pages[0], server)
    canvas.open()
    canvas.type_value("3", "seed", "4242")
    canvas.wait(WRITTEN)
    with pytest.raises(Error):
        context.new_cdp_session(context.pages[0]).send("Browser.crash")
    context.close()
    context = launch(tmp_path, **options)
    canvas = CanvasPage(context.pages[0], server)
    canvas.open()
    canvas.wait("sfumato.store.graph.nodeByKey('3').values.seed === 4242")
    context.close()


def test_a_save_over_somebody_elses_shows_what_differs_and_keeps_both(canvas):
    workflow = canvas.ask("sfumato.workflow()")
    put(canvas.server, "shared", workflow)
    canvas.page.keyboard.press("Control+k")
    canvas.page.keyboard.type("open a saved")
    canvas.page.keyboard.press("Enter")
    canvas.page.get_by_role("option", name="shared").click()
    canvas.wait("sfumato.savedAs === 'shared'")
    put(canvas.server, "shared", {**workflow, "nodes": workflow["nodes"][1:], "links": []}, "*")
    canvas.type_value("3", "seed", "9")
    canvas.page.keyboard.press("Control+s")
    dialog = canvas.page.get_by_role("dialog", name="Somebody else saved this")
    expect(dialog).to_contain_text("Load Checkpoint #4")
    dialog.get_by_role("button", name="Keep both").click()
    canvas.wait("sfumato.savedAs === 'shared (2)' && !sfumato.isDirty")
    canvas.faults[:] = [fault for fault in canvas.faults if "409" not in fault]


def test_a_killed_server_and_a_full_disk_leave_the_draft_in_the_browser(chromium, tmp_path):
    own = Server(tmp_path)
    context = chromium.new_context(viewport={"width": 1600, "height": 900})
    canvas = CanvasPage(context.new_page(), own)
    canvas.open()
    canvas.page.route("**/api/drafts/*", lambda route: route.fulfill(status=507, body="{}"))
    canvas.type_value("3", "seed", "31")
    expect(canvas.page.locator("#kept")).to_have_text("Drafts are kept in this browser only")
    canvas.page.unroute("**/api/drafts/*")
    canvas.ask("() => sfumato.drafts.send()")
    canvas.wait("document.querySelector('#kept').hidden")
    assert len(list((tmp_path / "default" / ".drafts").glob("*.json"))) == 1
    own.process.kill()
    own.process.wait()
    own.process.stdout.close()
    canvas.type_value("3", "seed", "32")
    canvas.wait(WRITTEN)
    canvas.wait("!document.querySelector('#kept').hidden")
    canvas.page.keyboard.press("Control+s")
    canvas.page.keyboard.type("mine")
    canvas.page.keyboard.press("Enter")
    canvas.page.get_by_text("The server does not answer").wait_for()
    assert canvas.ask("sfumato.isDirty")
    assert canvas.ask(
        """async () => {
            const known = document.querySelector('link[href$="js/engine/database.js"]');
            const { browserBox } = await import(known.href);
            const { drafts } = await browserBox().all();
            const sampler = draft => draft.json.nodes.find(node => node.id === 3);
            return drafts.map(draft => sampler(draft).widgets_values_named.seed);
        }"""
    ) == [32]
    context.close()
