"""What the page costs in counts that no load changes: requests, bytes, draws, layouts, heap."""

import pytest
from PIL import Image

from benchmarks.canvas.drive import FRAME, LOAD, NEWS, middle, opened, workflow
from benchmarks.canvas.soak import soaked
from benchmarks.canvas.start import once
from benchmarks.canvas.trace import traced

pytestmark = pytest.mark.browser


@pytest.fixture
def driver(server, chromium):
    found = opened(chromium, server.url)
    yield found
    found.page.context.close()


def test_a_cold_page_is_small_and_a_warm_one_asks_for_the_page_alone(server, chromium):
    found, fetched = once(chromium, server.url)
    assert found["cold kB"] < 700
    assert found["cold kB at rest"] < 800
    assert found["cold requests"] < 180
    assert [address.split(" ")[1] for address in fetched] == [f"{server.url}/"]
    assert found["heap MB"] < 15


def test_a_run_draws_one_part_a_frame_and_lays_nothing_out(driver):
    driver.page.evaluate(LOAD, workflow(1000))
    middle(driver)
    driver.page.mouse.move(5, 400)
    driver.page.wait_for_timeout(1500)
    driver.page.evaluate("sfumato.view.redraw()")
    driver.page.evaluate(FRAME)
    news = {"progress": 20, "previews": 10, "seconds": 2}
    marks = ("news-begin", "news-end")
    run, work = traced(driver.browser, driver.page, lambda: driver.page.evaluate(NEWS, news), marks)
    assert (run["whole"], run["most"]) == (0, 1)
    assert 0 < run["parts"] == run["draws"] <= run["told"] + run["shown"] + 2
    assert run["nodes"] <= 4 * run["parts"]
    # The words for screen readers, which change once in two seconds in a box of their own.
    assert work["Layout"] <= run["took"] // 2 + 1
    driver.page.wait_for_timeout(1000)
    idle = "[sfumato.view.draws, document.querySelector('#progress-text').textContent]"
    before = driver.page.evaluate(idle)
    _, work = traced(driver.browser, driver.page, lambda: driver.page.wait_for_timeout(1000), None)
    assert driver.page.evaluate(idle) == before
    assert (work["Layout"], work["FireAnimationFrame"]) == (0, 0)


def test_results_and_edits_leave_nothing_behind(driver, server):
    for index in range(120):
        place = server.base / "output" / f"soak-{index}.png"
        Image.effect_noise((96, 96), 40 + index % 60).convert("RGB").save(place)
    driver.page.evaluate("sfumato.view.fit()")
    found = soaked(driver, 100, 500)
    for name, most in (("heap MB", 4), ("nodes", 60), ("listeners", 20)):
        before, after = found[name]
        assert after - before < most, name
