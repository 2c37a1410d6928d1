"""A real server on a free port with a small checkpoint, and a real Chromium."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.canvas_page import PATIENCE_SECONDS, CanvasPage
from tests.fixtures.checkpoints import tiny_checkpoint

ROOT = Path(__file__).resolve().parents[2]
BUNDLED = ROOT / "assets" / "models" / "checkpoints" / "sfumato-shapes.safetensors"
CHROMIUM = Path(os.environ.get("SFUMATO_CHROMIUM", "/usr/bin/chromium"))
expect.set_options(timeout=1000 * PATIENCE_SECONDS)

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]


class Server:
    """A running `main.py serve`."""

    def __init__(self, base):
        self.base = base
        command = [sys.executable, str(ROOT / "main.py"), "serve", "--port", "0", "--cpu"]
        self.process = subprocess.Popen(
            [*command, "--base-directory", str(base)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "2"},
        )
        line = self.process.stdout.readline()
        assert "ready" in line, line
        self.url = line.rsplit(" ", 1)[1].strip()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    base = tmp_path_factory.mktemp("base")
    if not BUNDLED.is_file():
        tiny_checkpoint(base / "models" / "checkpoints" / "sfumato-shapes.safetensors")
    running = Server(base)
    yield running
    running.stop()


# Not for the whole session: Playwright keeps an event loop in this thread while it lives, and other tests
# need one of their own.
@pytest.fixture(scope="module")
def chromium():
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def canvas(server, chromium):
    """The page just opened in a fresh profile; it fails the test if anything went wrong in its console."""
    # What an earlier test left open beside the canvas is a setting, and those are kept on the server.
    for kept in server.base.rglob("comfy.settings.json"):
        kept.unlink()
    context = chromium.new_context(viewport={"width": 1600, "height": 900}, accept_downloads=True)
    page = CanvasPage(context.new_page(), server)
    page.open()
    yield page
    page.close()
