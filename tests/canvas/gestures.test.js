/** Gestures on links, reroutes and groups: each leaves what it says, is one step of the history, and is taken back whole. */

import assert from "node:assert/strict";
import test from "node:test";

import { addGroup, addNode, addReroute, setHidden } from "../../web/static/js/model/commands.js";
import { setPinned } from "../../web/static/js/model/looks.js";
import { chainOf } from "../../web/static/js/model/reroutes.js";
import { along } from "../../web/static/js/canvas/curve.js";
import { inputPoint } from "../../web/static/js/canvas/shape.js";
import { bench } from "./bench.js";
import { DEFINITIONS } from "./catalogue.js";
import { snapshot } from "./walk.js";

/** @param {ReturnType<typeof bench>} hands @param {string} key @param {string} input */
function linkOf({ store, view, node }, key, input) {
  const link = /** @type {any} */ (store.graph.linkInto(node(key).id, input));
  const path = /** @type {any} */ (view.scene.placed.get(link.id)).path;
  return { link, middle: along(path[0], 0.5) };
}

/** A free place below everything. @type {[number, number]} */
const NOWHERE = [600, 1500];

test("Alt on a link makes a reroute that is held at once, in one step", () => {
  const hands = bench();
  const { store, drag } = hands;
  const { link, middle: [x, y] } = linkOf(hands, "3", "model");
  const before = snapshot(store);
  drag([[x, y], [x + 20, y - 60], [x + 30, y - 90]], { alt: true });
  const [reroute] = store.graph.reroutes.values();
  assert.equal(store.graph.links.get(link.id)?.via, reroute.id);
  assert.deepEqual([...reroute.position], [Math.round(x) + 30, Math.round(y) - 90]);
  assert.equal(store.history.past.length, 1);
  store.undo();
  assert.deepEqual(snapshot(store), before);
});

test("Shift on a link draws a second one from the same output, through the reroutes before that place", () => {
  const hands = bench();
  const { store, view, drag, node, shape } = hands;
  const { link } = linkOf(hands, "3", "latent_image");
  const [one] = [store.run("reroute", (change) => addReroute(change, link.id, [300, 1200]))];
  const copy = store.run("copy", (change) => addNode(change, /** @type {any} */ (DEFINITIONS.get("KSampler")), [500, 1250]));
  const path = /** @type {any} */ (view.scene.placed.get(link.id)).path;
  const target = inputPoint(view.scene.shape(copy), "latent_image");
  drag([along(path[1], 0.5), [400, 1240], target], { shift: true });
  const made = store.graph.linkInto(copy.id, "latent_image");
  assert.deepEqual([made?.from, made?.via], [node("5").id, one.id]);
  assert.equal(store.graph.linkInto(node("3").id, "latent_image")?.id, link.id);
  assert.equal(shape("3").isKnown, true);
});

test("a stroke with Ctrl and the right button cuts what it crosses and nothing else", () => {
  const hands = bench();
  const { store, view, chart, drag, node } = hands;
  const { link, middle: [x, y] } = linkOf(hands, "3", "model");
  store.run("hide", (change) => setHidden(change, [/** @type {any} */ (store.graph.linkInto(node("8").id, "vae")).id], true));
  drag([[x, y - 60], [x, y - 20], [x, y + 25]], { control: true, button: 2 });
  assert.deepEqual([store.graph.links.has(link.id), store.graph.linkInto(node("8").id, "vae") !== undefined], [false, true]);
  assert.deepEqual([chart.takesMenu, view.stroke.length, store.history.past.length], [true, 0, 2]);
});

test("a node without links that is dropped on a link stands in it, what follows makes room, and one undo takes it out", () => {
  const hands = bench();
  const { store, view, drag, node } = hands;
  const { middle } = linkOf(hands, "3", "latent_image");
  const made = store.run("add", (change) => addNode(change, /** @type {any} */ (DEFINITIONS.get("KSampler")), NOWHERE));
  const before = snapshot(store);
  const { title } = view.scene.shape(made);
  const grip = /** @type {[number, number]} */ ([title[0] + 60, title[1] + 12]);
  drag([grip, [grip[0] + 20, grip[1]], [middle[0], middle[1]]]);
  assert.equal(store.graph.linkInto(made.id, "latent_image")?.from, node("5").id);
  assert.equal(store.graph.linkInto(node("3").id, "latent_image")?.from, made.id);
  const [left, , width] = view.scene.shape(/** @type {any} */ (store.graph.nodes.get(made.id))).bounds;
  const [after] = view.scene.shape(node("3")).bounds;
  const feeder = view.scene.shape(node("5")).bounds;
  assert.ok(left >= feeder[0] + feeder[2] && after >= left + width, `${feeder} ${left} ${width} ${after}`);
  store.undo();
  assert.deepEqual(snapshot(store), before);
});

test("a group takes its nodes, reroutes and inner groups along; with Ctrl only its frame moves", () => {
  const hands = bench();
  const { store, view, drag, node } = hands;
  const inner = node("5").position;
  const [outer, nested] = store.run("groups", (change) => [
    addGroup(change, "outer", [inner[0] - 40, inner[1] - 90, 600, 500]), addGroup(change, "nested", [inner[0] - 20, inner[1] - 40, 500, 300])]);
  const { link } = linkOf(hands, "3", "latent_image");
  const reroute = store.run("reroute", (change) => addReroute(change, link.id, [inner[0] + 390, inner[1] + 120]));
  const grip = /** @type {[number, number]} */ ([outer.bounds[0] + 580, outer.bounds[1] + 12]);
  drag([grip, [grip[0] + 10, grip[1]], [grip[0] + 50, grip[1] + 20]]);
  assert.deepEqual([...node("5").position], [inner[0] + 50, inner[1] + 20]);
  assert.equal(store.graph.groups.get(nested.id)?.bounds[0], nested.bounds[0] + 50);
  assert.equal(store.graph.reroutes.get(reroute.id)?.position[0], reroute.position[0] + 50);
  drag([[grip[0] + 50, grip[1] + 20], [grip[0] + 60, grip[1] + 20], [grip[0] + 90, grip[1] + 20]], { control: true });
  assert.deepEqual([...node("5").position], [inner[0] + 50, inner[1] + 20]);
  assert.equal(view.selectedGroup, outer.id);
});

test("pinned nodes stay, reroutes move with the selection, and a hidden link cannot be pointed at", () => {
  const hands = bench();
  const { store, view, tell, drag, node, title } = hands;
  const { link, middle: [x, y] } = linkOf(hands, "3", "model");
  const reroute = store.run("reroute", (change) => addReroute(change, link.id, [Math.round(x), Math.round(y) - 150]));
  store.run("pin", (change) => setPinned(change, [node("5").id], true));
  const start = node("5").position;
  const [gripX, gripY] = title("5");
  view.select([node("5").id], false, [reroute.id]);
  drag([[gripX, gripY], [gripX + 20, gripY], [gripX + 30, gripY + 10]]);
  assert.deepEqual([...node("5").position], [...start]);
  assert.deepEqual([...(store.graph.reroutes.get(reroute.id)?.position ?? [])], [Math.round(x) + 30, Math.round(y) - 140]);
  store.run("hide", (change) => setHidden(change, [link.id], true));
  view.selectedLink = null;
  const place = along(/** @type {any} */ (view.scene.placed.get(link.id)).path[1], 0.5);
  tell("down", place);
  assert.equal(view.selectedLink, null);
});

test("a link dropped on nothing opens the search, with Shift the menu; Alt and the right button link two nodes", () => {
  const hands = bench();
  const { store, calls, drag, node, shape, title } = hands;
  const { x, y } = shape("7").outputs[0];
  drag([[x, y], [x + 20, y + 300], NOWHERE]);
  assert.equal(calls.at(-1)[0], "search");
  hands.tell("down", [x, y]);
  hands.tell("move", NOWHERE);
  hands.tell("up", NOWHERE, { shift: true });
  assert.equal(calls.at(-1)[0], "menu");
  const decoder = store.run("add", (change) => addNode(change, /** @type {any} */ (DEFINITIONS.get("VAEDecode")), NOWHERE));
  const [left, top] = hands.view.scene.shape(decoder).title;
  drag([title("3"), [700, 900], [left + 60, top + 12]], { alt: true, button: 2 });
  assert.equal(store.graph.linkInto(decoder.id, "samples")?.from, node("3").id);
  assert.deepEqual(chainOf(store.graph, null), []);
});

test("Ctrl and Shift zoom by a drag, the hand pans over nodes, and a box takes reroutes", () => {
  const hands = bench();
  const { store, view, drag, node, title } = hands;
  drag([NOWHERE, [NOWHERE[0], NOWHERE[1] - 100]], { control: true, shift: true });
  assert.ok(view.camera.scale > 1.5);
  Object.assign(view.camera, { x: 0, y: 0, scale: 1 });
  view.mode = "hand";
  const start = node("5").position;
  drag([title("5"), [title("5")[0] + 60, title("5")[1]]]);
  assert.deepEqual([[...node("5").position], view.camera.x], [[...start], -60]);
  Object.assign(view.camera, { x: 0, y: 0, scale: 1 });
  view.mode = "select";
  const { link } = linkOf(hands, "3", "model");
  const reroute = store.run("reroute", (change) => addReroute(change, link.id, NOWHERE));
  drag([[NOWHERE[0] - 50, NOWHERE[1] - 50], [NOWHERE[0], NOWHERE[1]], [NOWHERE[0] + 20, NOWHERE[1] + 20]], { control: true });
  assert.deepEqual([...view.chosenReroutes], [reroute.id]);
});
