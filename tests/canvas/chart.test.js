/** The state chart of the pointer, on a view without a screen. */

import assert from "node:assert/strict";
import test from "node:test";

import { inputPoint, outputPoint } from "../../web/static/js/canvas/shape.js";
import { bench } from "./bench.js";
import { snapshot } from "./walk.js";

test("a press and release selects, a second with Shift takes away again", () => {
  const { view, drag, node, title } = bench();
  drag([title("3")]);
  assert.deepEqual([...view.selection], [node("3").id]);
  drag([title("5")], { shift: true });
  assert.equal(view.selection.size, 2);
  drag([title("5")], { shift: true });
  assert.deepEqual([...view.selection], [node("3").id]);
});

test("a drag moves the selection as one step, and Escape on the way leaves nothing behind", () => {
  const { store, chart, tell, drag, node, title } = bench();
  const [x, y] = title("5");
  const start = node("5").position;
  drag([[x, y], [x + 10, y], [x + 40, y + 30]]);
  assert.deepEqual([...node("5").position], [start[0] + 40, start[1] + 30]);
  assert.equal(store.history.past.length, 1);
  const before = snapshot(store);
  tell("down", title("3"));
  tell("move", [title("3")[0] + 50, title("3")[1]]);
  assert.equal(chart.name, "translating");
  chart.cancel();
  assert.equal(chart.name, "idle");
  assert.deepEqual(snapshot(store), before);
});

test("Escape while a link is drawn leaves the old link where it was", () => {
  const { store, view, chart, tell, node, shape } = bench();
  const before = snapshot(store);
  const socket = inputPoint(shape("3"), "positive");
  tell("down", socket);
  tell("move", [socket[0] - 60, socket[1] + 60]);
  assert.equal(chart.name, "linking");
  assert.deepEqual([...view.held], [store.graph.linkInto(node("3").id, "positive")?.id]);
  chart.cancel();
  assert.deepEqual([view.linking, view.held.size], [null, 0]);
  assert.deepEqual(snapshot(store), before);
});

test("a link dropped on a node takes the nearest socket that fits; on a wrong one it is refused", () => {
  const { store, calls, drag, node, shape } = bench();
  const from = outputPoint(shape("7"), 0);
  const [x, y, width] = shape("3").bounds;
  drag([from, [from[0] + 40, from[1]], [x + width / 2, y + 66]]);
  assert.equal(store.graph.linkInto(node("3").id, "positive")?.from, node("7").id);
  drag([outputPoint(shape("5"), 0), [700, 700], inputPoint(shape("8"), "vae")]);
  assert.deepEqual(calls.filter(([name]) => name === "refuse"), [["refuse", '"vae" takes VAE, not LATENT.']]);
});

test("a link dropped on nothing asks for a node", () => {
  const { calls, drag, shape } = bench();
  const from = outputPoint(shape("8"), 0);
  drag([from, [from[0] + 10, from[1] + 200], [from[0] + 20, from[1] + 900]]);
  const [[, asked]] = calls.filter(([name]) => name === "search");
  assert.equal(asked.linking.type, "IMAGE");
});

test("a number is dragged in its steps and stays in its limits; a press alone opens it", () => {
  const { calls, drag, node, shape } = bench();
  const place = (/** @type {string} */ name) => /** @type {any} */ (shape("3").widgets.find(({ slot }) => slot.name === name)).bounds;
  const [x, y, width] = place("denoise");
  drag([[x + width / 2, y + 8], [x + width / 2 - 10, y + 8], [x + width / 2 - 50, y + 8]]);
  assert.equal(node("3").values.denoise, 0.9);
  drag([[x + width / 2, y + 8], [x + width / 2 + 10, y + 8], [x + width / 2 + 900, y + 8]]);
  assert.equal(node("3").values.denoise, 1);
  drag([[x + width / 2, y + 8]]);
  assert.deepEqual(calls.filter(([name]) => name === "use").map(([, id, name]) => [id, name]), [[node("3").id, "denoise"]]);
});

test("Alt copies while dragging, Ctrl on the background draws a box, the background alone pans", () => {
  const { store, view, drag, title } = bench();
  const [x, y] = title("5");
  drag([[x, y], [x + 30, y + 30], [x + 60, y + 400]], { alt: true });
  assert.equal(store.graph.nodes.size, 8);
  drag([[360, 100], [500, 400], [700, 800]], { control: true });
  assert.ok(view.selection.size >= 3);
  assert.equal(view.box, null);
  drag([[10, 900], [50, 940], [110, 950]]);
  assert.deepEqual([view.camera.x, view.camera.y], [-100, -50]);
});
