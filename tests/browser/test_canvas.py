"""The canvas under real hands: how little is painted, gestures on links, tools, map and fingers."""

import pytest

from benchmarks.canvas.drive import workflow

pytestmark = pytest.mark.browser

FRAME = "() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))"
COUNTS = "({ draws: sfumato.view.draws, ...sfumato.view.painter.counts })"


@pytest.fixture
def large(canvas):
    """A page with 1,000 nodes, its middle shown at 100 %."""
    canvas.drop(workflow(1000).encode(), "grid.json", "application/json", (800, 400))
    canvas.wait("sfumato.store.graph.nodes.size === 1000")
    canvas.rest()
    canvas.ask(
        """() => { const { view } = sfumato; const { camera, width, height } = view;
        const [x, y, across, down] = view.scene.bounds();
        const [left, top] = [x + across / 2 - width / 2, y + down / 2 - height / 2].map(Math.round);
        Object.assign(camera, { scale: 1, x: left, y: top });
        view.redraw(); }"""
    )
    canvas.page.mouse.move(800, 450)
    canvas.ask(FRAME)
    # What was zoomed is painted without a margin until the eye moves.
    canvas.ask("sfumato.view.redraw()")
    canvas.ask(FRAME)
    canvas.rest()
    return canvas


def counted(page, act):
    """What was drawn while something was done."""
    page.ask(FRAME)
    before = page.ask(COUNTS)
    act()
    page.ask(FRAME)
    after = page.ask(COUNTS)
    return {name: after[name] - before[name] for name in after}


def test_moving_the_eye_paints_nothing_and_a_drag_only_what_moved(large):
    mouse = large.page.mouse

    def pan():
        mouse.down(button="middle")
        for step in range(20):
            mouse.move(800 + 5 * step, 450)
            large.ask(FRAME)
        mouse.up(button="middle")

    done = counted(large, pan)
    assert 15 <= done["draws"] <= 21
    assert (done["whole"], done["parts"], done["nodes"]) == (0, 0, 0)
    key = large.ask("sfumato.view.scene.nodesIn(sfumato.view.visible())[8].key")
    x, y = large.place(key, "title")
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 8, y)
    large.ask(FRAME)

    def drag():
        for step in range(20):
            mouse.move(x + 8 + 2 * step, y + step)
            large.ask(FRAME)

    done = counted(large, drag)
    mouse.up()
    assert done["whole"] == 0
    assert 15 <= done["parts"] <= done["draws"]
    assert done["nodes"] / done["parts"] <= 14


def test_news_of_a_run_paints_one_node_a_frame_and_an_idle_page_nothing(large):
    def run():
        large.ask(
            """async () => {
                const { board, view } = sfumato;
                const [node] = view.scene.nodesIn(view.visible());
                const key = view.keyOf(node);
                for (let step = 1; step <= 20; step += 1) {
                    board.update(key, { state: "running", value: step, max: 20 });
                    board.tell();
                    board.tell();
                    await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
                }
            }"""
        )

    done = counted(large, run)
    assert done["whole"] == 0
    assert 18 <= done["parts"] <= 21
    assert done["nodes"] <= 4 * done["parts"]
    large.ask("() => { sfumato.board.clearRuns(); sfumato.board.tell(); }")
    large.page.wait_for_timeout(300)
    assert counted(large, lambda: large.page.wait_for_timeout(600))["draws"] == 0


def test_links_get_reroutes_are_cut_and_hidden_by_hand(canvas):
    page = canvas.page
    middle = canvas.ask(
        """() => {
            const { view, store } = sfumato;
            const link = store.graph.linkInto(store.graph.nodeByKey("3").id, "model");
            const [start, , , end] = view.scene.placed.get(link.id).path[0];
            const [x, y] = view.camera.toScreen((start[0] + end[0]) / 2, (start[1] + end[1]) / 2);
            const box = view.stage.getBoundingClientRect();
            return [x + box.left, y + box.top];
        }"""
    )
    canvas.drag(middle, (middle[0] + 20, middle[1] - 60), "Alt")
    assert canvas.ask("sfumato.store.graph.reroutes.size") == 1
    link = "sfumato.store.graph.linkInto(sfumato.store.graph.nodeByKey('3').id, 'model')"
    assert canvas.ask(f"{link}.via === [...sfumato.store.graph.reroutes.keys()][0]")
    page.keyboard.down("Control")
    page.mouse.move(middle[0] - 60, middle[1] - 140)
    page.mouse.down(button="right")
    page.mouse.move(middle[0] - 60, middle[1] - 80, steps=5)
    page.mouse.move(middle[0] - 60, middle[1] + 10, steps=8)
    page.mouse.up(button="right")
    page.keyboard.up("Control")
    assert canvas.ask(f"{link} === undefined")
    assert canvas.ask("sfumato.store.graph.reroutes.size") == 0
    assert page.locator(".menu").count() == 0
    page.keyboard.press("Control+z")
    assert canvas.ask(f"{link}.via !== null")
    canvas.click("3", "title")
    page.keyboard.press("Shift+H")
    assert canvas.ask(f"{link}.hidden")


def test_tools_stand_above_the_selection_and_the_map_moves_the_eye(canvas):
    page = canvas.page
    canvas.click("8", "title")
    tools = page.get_by_role("toolbar", name="Tools for the selection")
    left, top = canvas.place("8", "title")
    box = tools.bounding_box()
    assert box["y"] + box["height"] <= top
    assert box["x"] <= left <= box["x"] + box["width"]
    tools.get_by_role("button", name="Bypass").click()
    assert canvas.ask("sfumato.store.graph.nodeByKey('8').mode") == "bypass"
    tools.get_by_role("button", name="Delete").click()
    assert "8" not in canvas.node_keys()
    tools.wait_for(state="hidden")
    page.click("#map")
    frame = page.locator(".minimap").bounding_box()
    before = canvas.ask("sfumato.view.camera.x")
    page.mouse.click(frame["x"] + 190, frame["y"] + 70)
    canvas.wait(f"sfumato.view.camera.x > {before + 100}")
    assert page.locator(".minimap-frame").bounding_box()["width"] < frame["width"]


def test_fingers_move_zoom_and_hold(server, chromium):
    context = chromium.new_context(viewport={"width": 800, "height": 700}, has_touch=True)
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_selector("html[data-ready]", state="attached")
    session = context.new_cdp_session(page)

    def touch(kind, *places):
        points = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.evaluate(FRAME)

    def eye():
        return page.evaluate("(({ x, y, scale }) => ({ x, y, scale }))(sfumato.view.camera)")

    before = eye()
    touch("touchStart", (600, 640))
    touch("touchMove", (580, 620))
    touch("touchMove", (540, 600))
    touch("touchEnd")
    moved = eye()
    assert moved["scale"] == before["scale"]
    assert moved["x"] > before["x"]
    touch("touchStart", (300, 400))
    touch("touchStart", (300, 400), (500, 400))
    touch("touchMove", (200, 400), (600, 400))
    touch("touchEnd")
    assert eye()["scale"] == pytest.approx(2 * before["scale"], rel=0.05)
    touch("touchStart", (700, 650))
    page.wait_for_selector(".menu")
    touch("touchEnd")
    page.locator(".menu").get_by_text("Paste").first.wait_for()
    context.close()


def test_a_change_of_everything_paints_everything(large):
    done = counted(large, lambda: large.ask("sfumato.view.redraw()"))
    assert done["whole"] == 1
    assert done["nodes"] >= 20
    assert done["draws"] == 1
