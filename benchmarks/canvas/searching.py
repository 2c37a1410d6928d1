"""Times the search among 3,000 types in the page, key by key: python -m benchmarks.canvas.searching."""

import json
import statistics

from playwright.sync_api import Route

from benchmarks.canvas.drive import FRAME, Driver, serving

TYPES = 3000
WORDS = ("load image", "ksampler", "mask blur 2")


def crowded(route: Route) -> None:
    """The catalogue with copies of its types under other names until there are enough."""
    answer = route.fetch()
    catalogue = answer.json()
    for index, (name, about) in enumerate(list(catalogue.items()) * (TYPES // max(1, len(catalogue)) + 1)):
        if len(catalogue) >= TYPES:
            break
        words = f"{about['display_name']} number {index}"
        catalogue[f"{name}{index}"] = {**about, "name": f"{name}{index}", "display_name": words}
    route.fulfill(response=answer, body=json.dumps(catalogue))


def main() -> None:
    """Print the main-thread time of each key, and of opening."""
    with serving() as (browser, address):
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.route("**/api/object_info", crowded)
        page.goto(address)
        page.wait_for_selector("html[data-ready]", state="attached")
        while page.evaluate("sfumato.store.catalogue.size") < TYPES:
            page.wait_for_timeout(50)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        driver = Driver(browser, page, session)
        keys, opens = [], []
        for word in WORDS * 2:
            opens.append(spent(driver, "Control+Space"))
            keys += [spent(driver, "Space" if letter == " " else letter) for letter in word]
            page.keyboard.press("Escape")
            page.evaluate(FRAME)
        print(f"{TYPES} types; opening {statistics.median(opens):.1f} ms,")
        print(f"a key {statistics.median(keys):.1f} ms, the slowest {max(keys):.1f} ms of the main thread")


def spent(driver: Driver, key: str) -> float:
    """Main-thread milliseconds from a press to the second frame after it."""
    driver.page.evaluate(FRAME)
    before = driver.counters()["TaskDuration"]
    driver.page.keyboard.press(key)
    driver.page.evaluate(FRAME)
    driver.page.evaluate(FRAME)
    return 1000 * (driver.counters()["TaskDuration"] - before)


if __name__ == "__main__":
    main()
