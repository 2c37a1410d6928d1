"""Panels stay true while answers come late and documents change, and the keyboard stays where it was."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def held(page, pattern):
    """Holds back all requests of a pattern; the list fills with them until each is let go on."""
    waiting = []
    page.route(pattern, lambda route: waiting.append(route))
    return waiting


def release(page, pattern, waiting):
    for route in waiting:
        route.continue_()
    page.unroute(pattern)


def test_what_was_asked_for_last_is_shown_however_late_the_answers_come(canvas):
    page = canvas.page
    for place, name in (("output", "made.txt"), ("input", "brought.txt")):
        (canvas.server.base / place).mkdir(exist_ok=True)
        (canvas.server.base / place / name).write_text("x")
    made = held(page, "**/assets?type=output")
    canvas.ask("sfumato.sidebar.open('assets')")
    page.get_by_label("Where from").select_option("input")
    page.locator(".asset[title='brought.txt']").wait_for()
    with page.expect_response("**/assets?type=output"):
        release(page, "**/assets?type=output", made)
    canvas.ask("new Promise(done => setTimeout(done))")
    assert page.locator(".asset[title='made.txt']").count() == 0

    sheet = held(page, "**/themes.css")
    canvas.ask("sfumato.settings.set('appearance.theme', 'warm')")
    canvas.ask("sfumato.settings.set('appearance.theme', 'dark')")
    with page.expect_response("**/themes.css"):
        release(page, "**/themes.css", sheet)
    canvas.wait("[...document.styleSheets].some(({ href }) => href?.endsWith('themes.css'))")
    assert canvas.ask("document.documentElement.dataset.theme") == "dark"

    asked = []
    page.on(
        "request",
        lambda request: (
            asked.append(request.post_data_json["enabled"]) if "logs/subscribe" in request.url else None
        ),
    )
    lines = held(page, "**/internal/logs/raw")
    canvas.ask("sfumato.bottom.open('logs')")
    page.locator(".log-lines").wait_for()
    with page.expect_response("**/internal/logs/subscribe"):
        canvas.ask("sfumato.bottom.close()")
    with page.expect_response("**/internal/logs/raw"):
        release(page, "**/internal/logs/raw", lines)
    canvas.ask("new Promise(done => setTimeout(done, 50))")
    assert asked == [False]


def test_news_of_a_run_ask_the_server_nothing_and_a_scrolled_list_keeps_its_rows(canvas):
    page = canvas.page
    canvas.ask("sfumato.sidebar.open('queue')")
    page.locator(".queue-heading").first.wait_for()
    page.wait_for_load_state("networkidle")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    canvas.ask("for (const _ of Array(5)) sfumato.runner.tell('progress', null)")
    canvas.ask("new Promise(done => setTimeout(done, 600))")
    assert asked == []
    canvas.ask("sfumato.sidebar.open('nodes')")
    page.get_by_label("Search the node types").fill("a")
    page.get_by_role("treeitem").nth(15).evaluate("row => row.mine = true")
    page.locator(".side .virtual").evaluate(
        "list => new Promise(done => { list.scrollTop = 60; requestAnimationFrame(() => setTimeout(done)); })"
    )
    assert page.get_by_role("treeitem").evaluate_all("rows => rows.filter(row => row.mine).length") == 1


def test_the_library_and_the_properties_follow_what_changes_elsewhere(canvas):
    page = canvas.page
    canvas.ask("sfumato.sidebar.open('nodes')")
    search = page.get_by_label("Search the node types")
    search.wait_for()
    canvas.ask(
        """() => {
            const { actions, settings, store } = sfumato;
            const like = store.definitions.get('VAEDecode');
            store.define(new Map(store.catalogue).set('Fresh', { ...like, type: 'Fresh', name: 'Fresh' }));
            actions.blueprints = [{ ...like, type: 'blueprint  mine', name: 'Mine', category: 'Blueprints' }];
            for (const watch of actions.blueprintWatchers) watch();
            settings.set('library.bookmarks', ['blueprint  mine', 'Fresh']);
        }"""
    )
    expect(page.get_by_role("treeitem", name="Bookmarks")).to_contain_text("2")
    search.fill("fresh")
    expect(page.locator(".tree-row[title='Fresh']")).to_have_count(1)

    canvas.click("3", "title")
    canvas.ask("sfumato.sidebar.open('inspector')")
    page.locator(".inspector summary", has_text="Inputs and outputs").click()
    source = page.locator(".inspector li", has=page.get_by_text("positive", exact=True)).get_by_role("button")
    canvas.ask("sfumato.actions.showNode('7')")
    other = page.locator(".inspector-title").input_value()
    canvas.ask(
        """() => {
            const node = sfumato.store.graph.nodeByKey('7');
            sfumato.store.run('Rename', change => change.put('node', { ...node, title: 'The other text' }));
        }"""
    )
    assert other != "The other text"
    canvas.ask("sfumato.view.fit()")
    canvas.click("3", "title")
    page.locator(".inspector summary", has_text="Inputs and outputs").click()
    expect(source).not_to_have_text("The other text")
    canvas.drag(canvas.place("7", "output", "CONDITIONING"), canvas.place("3", "input", "positive"))
    page.locator(".inspector summary", has_text="Inputs and outputs").click()
    expect(source).to_have_text("The other text")
    page.locator(".inspector-modes").get_by_role("button", name="Muted").press("Enter")
    expect(page.locator(".inspector-modes").get_by_role("button", name="Muted")).to_be_focused()


def test_the_keyboard_stays_in_the_settings_and_beside_a_download(canvas):
    page = canvas.page
    page.keyboard.press("Control+Comma")
    page.get_by_role("button", name="Keys", exact=True).press("Enter")
    expect(page.get_by_role("button", name="Keys", exact=True)).to_be_focused()
    row = page.locator(".key-row", has_text="Zoom in").first
    row.get_by_role("button", name="Add keys").press("Enter")
    page.keyboard.press("Escape")
    expect(row.locator(".cap").first).to_be_focused()
    listeners = "[...sfumato.settings.listeners.values()].reduce((sum, { size }) => sum + size, 0)"
    page.get_by_label("Search the settings").first.fill("e")
    page.wait_for_load_state("networkidle")
    before = canvas.ask(listeners)
    page.get_by_label("Search the settings").first.press_sequentially("aa")
    page.get_by_label("Search the settings").first.fill("e")
    canvas.ask("new Promise(done => setTimeout(done, 50))")
    assert canvas.ask(listeners) == before
    canvas.ask("document.querySelector('dialog').close()")

    state = {
        "id": "d1",
        "folder": "loras",
        "name": "far.safetensors",
        "url": "https://example.org/far.safetensors",
    }
    state |= {"state": "running", "received": 10_000_000, "total": 100_000_000, "problem": ""}

    def answer(route):
        route.fulfill(body=json.dumps({"downloads": [state]}), content_type="application/json")
        state["received"] += 10_000_000

    page.route("**/models/downloads", answer)
    model = {"name": "far.safetensors", "directory": "loras", "url": state["url"]}
    canvas.drop(
        json.dumps({"nodes": [], "links": [], "version": 0.4, "models": [model]}).encode(),
        "far.json",
        "application/json",
        (800, 400),
    )
    canvas.wait("sfumato.name === 'far'")
    canvas.ask("sfumato.sidebar.open('missing')")
    cancel = page.locator(".missing-download").get_by_role("button", name="Cancel")
    cancel.wait_for()
    cancel.focus()
    expect(page.locator(".missing-download")).to_contain_text("40 MB of 100 MB")
    expect(cancel).to_be_focused()
