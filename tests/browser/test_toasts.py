"""Messages lie where they cover no control, whatever stands open beside them."""

import pytest

pytestmark = pytest.mark.browser

SAY = """texts => import("/js/ui/toasts.js").then(({ toast }) => {
    for (const text of texts) toast(text, { seconds: 300 });
})"""
LONG = "Something that takes many words to say, so that it is about as wide as it may become on a page. " * 2
FAIL = """sfumato.board.setProblems([
    { key: "3", input: "seed", title: "x", text: "It failed.", details: "Traceback" }
])"""
# Controls that a message lies on, by what is really hit there.
COVERED = """() => {
    const slips = [...document.querySelectorAll(".toast")].map(slip => slip.getBoundingClientRect());
    const controls = document.querySelectorAll("button, input, select, textarea, [role=listitem], .minimap");
    return [...controls].filter(one => !one.closest("#toasts") && one.checkVisibility()).filter(one => {
        const box = one.getBoundingClientRect();
        return slips.some(slip => {
            const left = Math.max(box.left, slip.left), right = Math.min(box.right, slip.right);
            const top = Math.max(box.top, slip.top), bottom = Math.min(box.bottom, slip.bottom);
            if (right - left < 1 || bottom - top < 1) return false;
            // Under a list, cut off by its edge, it could not be reached without the message either.
            const list = one.closest(".side, .outline, .problems, .form-page")?.getBoundingClientRect();
            return !list || (top < list.bottom && bottom > list.top);
        });
    }).map(one => one.id || one.className || one.outerHTML.slice(0, 80));
}"""


def uncovered(canvas):
    """Wait until two looks in a row find the messages in one place, and nothing under them."""
    before = None
    for _ in range(100):
        canvas.page.wait_for_timeout(50)
        box = canvas.page.locator("#toasts").bounding_box()
        covered = canvas.ask(COVERED)
        if box == before and box["height"] > 0 and not covered:
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= canvas.page.viewport_size["width"]
            return
        before = box
    raise AssertionError(f"covered: {covered}, messages at {box}")


def show(canvas, is_form):
    """The graph or the form, whichever of them a page of this width shows by itself."""
    canvas.wait("document.body.classList.contains('is-form') === innerWidth <= 640")
    if canvas.ask("document.body.classList.contains('is-form')") != is_form:
        canvas.page.keyboard.press("Alt+m")
    canvas.wait(f"document.querySelector('#form').hidden === {'false' if is_form else 'true'}")


@pytest.mark.parametrize("width", [1600, 1024, 390])
def test_messages_cover_no_control_whatever_is_open(canvas, width):
    canvas.page.set_viewport_size({"width": width, "height": 800})
    show(canvas, is_form=False)
    canvas.ask(SAY, [LONG, "Short."])
    uncovered(canvas)
    canvas.ask("sfumato.commands.run('minimap')")
    canvas.ask(FAIL)
    canvas.page.locator("#problems").wait_for()
    uncovered(canvas)
    canvas.ask("sfumato.board.setProblems([])")
    canvas.ask("sfumato.sidebar.open('nodes')")
    canvas.ask(SAY, [LONG, "Short."])
    uncovered(canvas)
    canvas.ask("sfumato.sidebar.close()")
    canvas.page.locator("#stage").focus()
    canvas.page.keyboard.press("o")
    canvas.page.locator("#outline .row").first.wait_for()
    uncovered(canvas)
    canvas.page.keyboard.press("Escape")
    canvas.ask("sfumato.bottom.open('logs')")
    uncovered(canvas)
    canvas.ask("sfumato.bottom.close()")
    canvas.ask("sfumato.commands.run('minimap')")


@pytest.mark.parametrize("width", [1600, 390])
def test_messages_leave_the_form_free(canvas, width):
    canvas.page.set_viewport_size({"width": width, "height": 800})
    show(canvas, is_form=True)
    canvas.ask(SAY, [LONG, "Short."])
    uncovered(canvas)
    room = "parseFloat(getComputedStyle(document.querySelector('.form-page')).marginBottom)"
    assert canvas.ask(room) > 50
    for close in canvas.page.locator("#toasts .close").all()[::-1]:
        close.click()
    canvas.wait(f"{room} === 0")
