"""Hands and eyes for the page: where things are on the screen, what the model holds, what the socket said."""

import base64
import json
import time
import urllib.request

PATIENCE_SECONDS = 90
# Each run has ended, and the server's lists tell that.
OVER = "sfumato.runner.preparing + sfumato.runner.jobs.size + sfumato.runner.closing.size === 0"


class CanvasPage:
    """One tab. The page forbids eval, so waiting is asking again and again."""

    def __init__(self, page, server):
        self.page = page
        self.server = server
        self.faults = []
        self.messages = []
        page.set_default_timeout(1000 * PATIENCE_SECONDS)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda line: self.faults.append(line.text) if self._is_fault(line) else None)
        page.on("websocket", lambda socket: socket.on("framereceived", self._received))

    @staticmethod
    def _is_fault(line):
        # A refused prompt; a live preview that the next one replaced before it was painted.
        expected = ("400 (Bad Request)", "ERR_FILE_NOT_FOUND")
        return line.type == "error" and not any(text in line.text for text in expected)

    def _received(self, frame):
        if isinstance(frame, str):
            self.messages.append(json.loads(frame))

    def open(self):
        self.page.goto(self.server.url)
        self.wait_until_ready()

    def reload(self):
        self.page.reload()
        self.wait_until_ready()

    def close(self):
        """Close the browser's profile when the server has heard all of it; nothing must have gone wrong."""
        self.ask("() => sfumato.settings.flush()")
        self.page.context.close()
        assert self.faults == []

    def wait_until_ready(self):
        self.page.wait_for_selector("html[data-ready]", state="attached")
        self.wait("sfumato.view.isCatalogueComplete")

    def rest(self):
        """Wait until what the page fetches at leisure is there and nothing is drawn any more."""
        self.page.wait_for_load_state("networkidle")
        drawn = -1
        for _ in range(20):
            now = self.ask("sfumato.view.draws")
            if now == drawn:
                return
            drawn = now
            self.page.wait_for_timeout(500)
        raise AssertionError("the page goes on drawing though nobody does anything")

    def ask(self, expression, argument=None):
        return self.page.evaluate(expression, argument)

    def wait(self, expression, argument=None):
        """What the expression gives as soon as it is true."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            value = self.ask(expression, argument)
            if value:
                return value
            self.page.wait_for_timeout(30)
        raise AssertionError(f"not true after {PATIENCE_SECONDS} s: {expression}")

    def run(self, how="finished"):
        """Press Run and wait for the end and for its last message; returns the keys of the nodes that ran."""
        self.messages.clear()
        self.page.click("#run")
        self.wait(OVER)
        nodes = []
        while how != "refused" and None not in nodes:
            self.page.wait_for_timeout(10)
            nodes = [one["data"]["node"] for one in self.messages if one["type"] == "executing"]
        kinds = [message["type"] for message in self.messages]
        assert ("execution_success" in kinds) == (how == "finished"), kinds
        return set(nodes) - {None}

    def values(self, key):
        return self.ask("key => sfumato.store.graph.nodeByKey(key)?.values", key)

    def node_keys(self):
        return self.ask("[...sfumato.store.graph.nodes.values()].map(node => node.key).sort()")

    def links(self):
        return self.ask(
            """() => [...sfumato.store.graph.links.values()].map(link => {
                const key = id => sfumato.store.graph.nodes.get(id).key;
                return `${key(link.from)}.${link.slot} > ${key(link.to)}.${link.input}`;
            }).sort()"""
        )

    def place(self, key, part, name=None):
        """Where a part of a node is on the screen: title, media, input, output, widget or control."""
        x, y = self.ask(
            """([key, part, name]) => {
                const { view } = sfumato;
                const shape = view.scene.shape(sfumato.store.graph.nodeByKey(key));
                const middle = ([x, y, width, height]) => [x + width / 2, y + height / 2];
                const slot = places => places.find(place => place.slot.name === name);
                const point = {
                    title: () => middle(shape.title),
                    media: () => middle(shape.media),
                    input: () => [slot(shape.inputs).x, slot(shape.inputs).y],
                    output: () => [slot(shape.outputs).x, slot(shape.outputs).y],
                    widget: () => middle(slot(shape.widgets).bounds),
                    control: () => middle(slot(shape.widgets).control),
                }[part]();
                const [left, top] = view.camera.toScreen(...point);
                const box = view.stage.getBoundingClientRect();
                return [left + box.left, top + box.top];
            }""",
            [key, part, name],
        )
        return x, y

    def click(self, key, part, name=None, **options):
        self.page.mouse.click(*self.place(key, part, name), **options)

    def drag(self, start, end, modifier=None):
        mouse = self.page.mouse
        if modifier:
            self.page.keyboard.down(modifier)
        mouse.move(*start)
        mouse.down()
        mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=4)
        mouse.move(*end, steps=4)
        mouse.up()
        if modifier:
            self.page.keyboard.up(modifier)

    def drop(self, content, name, kind, at):
        """Drop a file on the page as a person does from a folder."""
        self.ask(
            """([content, name, kind, [x, y]]) => {
                const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
                const dataTransfer = new DataTransfer();
                dataTransfer.items.add(new File([bytes], name, { type: kind }));
                const options = { dataTransfer, clientX: x, clientY: y, bubbles: true, cancelable: true };
                document.querySelector("#stage").dispatchEvent(new DragEvent("dragover", options));
                document.querySelector("#stage").dispatchEvent(new DragEvent("drop", options));
            }""",
            [base64.b64encode(content).decode(), name, kind, list(at)],
        )

    def type_value(self, key, name, text):
        """Click a value and type another."""
        self.click(key, "widget", name)
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def choose_type(self, words):
        """Type into the search for nodes, which was just asked for, and take the first one found."""
        self.page.keyboard.type(words)
        self.page.locator(".node-search [role=option]").first.wait_for()
        self.page.keyboard.press("Enter")

    def picture_url(self, key):
        return self.wait(f"sfumato.board.outputOf({json.dumps(key)}).pictures[0]")

    def picture(self, key):
        with urllib.request.urlopen(f"{self.server.url}/{self.picture_url(key)}") as answer:
            return answer.read()

    def wait_for_colours(self, key):
        """Wait until the canvas shows many colours where the picture of a node stands."""
        self.wait(
            """key => {
                const { view } = sfumato;
                const [x, y, width, height] = view.scene.shape(sfumato.store.graph.nodeByKey(key)).media;
                const { painter: { scene, origin, ratio }, painter } = view;
                const zoom = origin.scale * ratio;
                const [left, top] = [x - painter.area()[0], y - painter.area()[1]].map(place => place * zoom);
                const context = scene.getContext("2d");
                const size = [width * zoom, height * zoom].map(Math.floor);
                const { data } = context.getImageData(Math.floor(left), Math.floor(top), ...size);
                const colours = new Set();
                for (let i = 0; i < data.length; i += 4) colours.add(data.slice(i, i + 3).join());
                return colours.size > 20;
            }""",
            key,
        )
