"""From a click on Run to a picture, and back from the picture to the graph."""

import io
import json

import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_the_page_opens_with_the_default_graph_and_then_draws_nothing(canvas):
    types = canvas.ask("[...sfumato.store.graph.nodes.values()].map(node => node.type).sort()")
    assert types == sorted(
        [
            "CheckpointLoaderSimple",
            "CLIPTextEncode",
            "CLIPTextEncode",
            "EmptyLatentImage",
            "KSampler",
            "VAEDecode",
            "SaveImage",
        ]
    )
    assert canvas.values("4")["ckpt_name"] == "sfumato-shapes.safetensors"
    assert canvas.values("5")["width"] == 128
    canvas.rest()
    before = canvas.ask("sfumato.view.draws")
    canvas.page.wait_for_timeout(1500)
    assert canvas.ask("sfumato.view.draws") == before


def test_a_click_on_run_makes_a_picture_and_a_second_one_says_that_there_is_nothing_to_do(canvas):
    canvas.click("3", "control", "seed")
    canvas.page.get_by_role("option", name="increment").click()
    assert canvas.run() >= {"3", "8", "9"}
    picture = Image.open(io.BytesIO(canvas.picture("9")))
    assert picture.size == (128, 128)
    assert json.loads(picture.text["prompt"])["3"]["inputs"]["seed"] == 2
    assert json.loads(picture.text["workflow"])["nodes"]
    assert list((canvas.server.base / "output").glob("Sfumato_*.png"))
    canvas.wait_for_colours("9")

    canvas.click("3", "control", "seed")
    canvas.page.get_by_role("option", name="fixed").click()
    assert canvas.run() == set()
    expect(canvas.page.locator("#toasts")).to_contain_text("Nothing to do: all 7 nodes are unchanged.")


def test_changing_only_the_seed_runs_the_sampler_and_what_follows(canvas):
    canvas.run()
    canvas.type_value("3", "seed", "77")
    assert canvas.values("3")["seed"] == 77
    assert canvas.run() == {"3", "8", "9"}


def test_progress_and_previews_stand_on_the_sampler_while_it_runs(canvas):
    canvas.type_value("3", "seed", "4711")
    canvas.type_value("3", "steps", "60")
    canvas.page.keyboard.press("Control+Enter")
    seen = canvas.wait(
        "(run => run.preview && run.max === 60 && { width: run.preview.width, state: run.state })"
        "(sfumato.board.stateOf('3'))"
    )
    assert seen["width"] > 0
    assert seen["state"] == "running"
    canvas.page.click("#cancel")
    canvas.wait("sfumato.runner.current === null")
    expect(canvas.page.locator("#toasts")).to_contain_text("Cancelled")
    assert canvas.ask("sfumato.board.stateOf('3').state") == "idle"


def test_dropping_a_picture_brings_its_graph_back_in_a_tab_of_its_own(canvas):
    canvas.type_value("3", "seed", "31")
    canvas.run()
    made = canvas.picture("9")
    canvas.type_value("3", "seed", "32")
    canvas.click("3", "title")
    canvas.page.keyboard.press("Delete")
    assert "3" not in canvas.node_keys()
    canvas.drop(made, "made.png", "image/png", (400, 700))
    canvas.wait("sfumato.store.graph.nodeByKey('3') !== undefined")
    assert canvas.values("3")["seed"] == 31
    assert len(canvas.links()) == 9
    assert canvas.ask("sfumato.name") == "made"
    assert canvas.run() == set()
    canvas.page.get_by_role("tab", name="Untitled").click()
    assert "3" not in canvas.node_keys()
    canvas.page.keyboard.press("Control+z")
    assert canvas.values("3")["seed"] == 32


def test_a_picture_with_only_a_prompt_is_laid_out(canvas):
    prompt = canvas.ask(
        """async () => {
            const { writePrompt } = await import("/js/model/io/flatten.js");
            return writePrompt(sfumato.store.document, sfumato.store.definitions);
        }"""
    )
    canvas.drop(json.dumps(prompt).encode(), "one.api.json", "application/json", (400, 700))
    canvas.wait("sfumato.name === 'one'")
    assert len(canvas.links()) == 9
    columns = canvas.ask("[...sfumato.store.graph.nodes.values()].map(node => node.position[0])")
    assert len(set(columns)) >= 5


def test_what_is_wrong_is_shown_on_the_node_and_the_slot_and_in_the_list(canvas):
    canvas.drag(canvas.place("8", "input", "vae"), (1200, 800))
    canvas.run(how="refused")
    problems = canvas.wait("sfumato.board.problems.length && sfumato.board.problems")
    assert [(problem["key"], problem["input"]) for problem in problems] == [("8", "vae")]
    panel = canvas.page.locator("#problems")
    expect(panel).to_contain_text('"vae" needs a link.')
    panel.get_by_role("button", name="Show me").click()
    chosen = canvas.ask("[...sfumato.view.selection].map(id => sfumato.store.graph.nodes.get(id).key)")
    assert chosen == ["8"]
    canvas.page.keyboard.press("Control+z")
    expect(panel).to_be_hidden()


def test_a_failure_while_running_is_shown_on_its_node(canvas):
    broken = canvas.server.base / "models" / "checkpoints" / "broken.safetensors"
    broken.write_bytes(b"not a checkpoint at all")
    canvas.page.keyboard.press("r")
    canvas.wait(
        "sfumato.store.definitions.get('CheckpointLoaderSimple').inputs[0].widget.options.includes('broken.safetensors')"
    )
    canvas.click("4", "widget", "ckpt_name")
    canvas.page.get_by_role("option", name="broken.safetensors").click()
    canvas.run(how="failed")
    problem = canvas.wait("sfumato.board.problems[0]")
    assert problem["key"] == "4"
    assert "broken.safetensors" in problem["text"]
    broken.unlink()
