/** Links found for the person: what fits, what a removal bridges, and moves of several links at once. */

import assert from "node:assert/strict";
import test from "node:test";

import { addNode, addReroute, connect, removeNodes } from "../../web/static/js/model/commands.js";
import { chainOf } from "../../web/static/js/model/reroutes.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import {
  bestLink, connectNodes, connectReroute, feedReroute, insertNodeOnLink, moveOutputLinks, placeOnLink, removeNodesBridged, swapInputs,
} from "../../web/static/js/model/wiring.js";
import { DEFINITIONS } from "./catalogue.js";
import { snapshot } from "./walk.js";

/** @typedef {import("../../web/static/js/model/types.js").Link} Link */

function opened() {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const id = (/** @type {string} */ key) => /** @type {any} */ (store.graph.nodeByKey(key)).id;
  const into = (/** @type {string} */ key, /** @type {string} */ input) => /** @type {Link} */ (store.graph.linkInto(id(key), input));
  const add = (/** @type {string} */ type) =>
    store.run("add", (change) => addNode(change, /** @type {any} */ (DEFINITIONS.get(type)), [0, 0])).id;
  return { store, id, into, add };
}

test("a node stands in the middle of a link by the sockets that fit, and undo takes it out", () => {
  const { store, id, into, add } = opened();
  const upscale = add("LatentUpscale");
  const before = snapshot(store);
  const link = into("8", "samples");
  store.run("reroute", (change) => addReroute(change, link.id, [1, 1]));
  const [first, second] = store.run("insert", (change) => insertNodeOnLink(change, DEFINITIONS, upscale, link.id));
  assert.deepEqual([first.from, first.to, first.input, second.from, second.to], [id("3"), upscale, "samples", upscale, id("8")]);
  assert.equal(chainOf(store.graph, first.via).length, 1);
  assert.equal(placeOnLink(store.graph, DEFINITIONS, upscale, first.id), null);
  store.undo();
  store.undo();
  assert.deepEqual(snapshot(store), before);
  assert.equal(placeOnLink(store.graph, DEFINITIONS, upscale, into("8", "vae").id), null);
  assert.throws(() => store.run("insert", (change) => insertNodeOnLink(change, DEFINITIONS, upscale, into("8", "vae").id)), /does not fit/);
});

test("two nodes are linked by what fits best, and a sentence says when nothing does", () => {
  const { store, id, add } = opened();
  const sampler = add("KSampler");
  assert.deepEqual(bestLink(store.graph, DEFINITIONS, id("5"), sampler), { slot: 0, input: "latent_image", fit: 3 });
  const link = store.run("link", (change) => connectNodes(change, DEFINITIONS, id("4"), sampler));
  assert.deepEqual([link.slot, link.input], [0, "model"]);
  assert.throws(() => store.run("link", (change) => connectNodes(change, DEFINITIONS, id("9"), sampler)), /No output of SaveImage fits/);
});

test("removing nodes bridges their links as a bypass would, through several nodes and reroutes", () => {
  const { store, id, into, add } = opened();
  const [one, two] = [add("LatentUpscale"), add("LatentUpscale")];
  store.run("insert", (change) => insertNodeOnLink(change, DEFINITIONS, one, into("8", "samples").id));
  store.run("insert", (change) => insertNodeOnLink(change, DEFINITIONS, two, into("8", "samples").id));
  const last = store.run("reroute", (change) => addReroute(change, into("8", "samples").id, [9, 9]));
  const first = store.run("reroute", (change) => addReroute(change, /** @type {Link} */ (store.graph.linkInto(one, "samples")).id, [5, 5]));
  const before = snapshot(store);
  store.run("remove", (change) => removeNodesBridged(change, DEFINITIONS, [one, two]));
  const link = into("8", "samples");
  assert.equal(link.from, id("3"));
  assert.deepEqual(chainOf(store.graph, link.via).map((reroute) => reroute.id), [first.id, last.id]);
  assert.equal(store.graph.floating.size, 0);
  store.undo();
  assert.deepEqual(snapshot(store), before);
});

test("all links of an output move together, or none", () => {
  const { store, id, into, add } = opened();
  const other = add("CheckpointLoaderSimple");
  store.run("move", (change) => moveOutputLinks(change, DEFINITIONS, id("4"), 1, other, 1));
  assert.deepEqual([into("6", "clip").from, into("7", "clip").from, into("3", "model").from], [other, other, id("4")]);
  const before = snapshot(store);
  assert.throws(() => store.run("move", (change) => moveOutputLinks(change, DEFINITIONS, other, 1, id("4"), 0)), /takes CLIP, not MODEL/);
  assert.deepEqual(snapshot(store), before);
});

test("what feeds two inputs is exchanged", () => {
  const { store, id, into } = opened();
  store.run("swap", (change) => swapInputs(change, DEFINITIONS, [id("3"), "positive"], [id("3"), "negative"]));
  assert.deepEqual([into("3", "positive").from, into("3", "negative").from], [id("7"), id("6")]);
});

test("a floating reroute is led to an input again, or fed again", () => {
  const { store, id, into, add } = opened();
  const reroute = store.run("reroute", (change) => addReroute(change, into("8", "samples").id, [1, 1]));
  store.run("remove", (change) => removeNodes(change, [id("8")]));
  const decode = add("VAEDecode");
  store.run("lead", (change) => connectReroute(change, DEFINITIONS, reroute.id, decode, "samples"));
  assert.equal(store.graph.floating.size, 0);
  assert.equal(store.graph.linkInto(decode, "samples")?.via, reroute.id);
  store.run("remove", (change) => removeNodes(change, [id("3")]));
  assert.equal(store.graph.linkInto(decode, "samples"), undefined);
  assert.throws(() => store.run("lead", (change) => connectReroute(change, DEFINITIONS, reroute.id, decode, "samples")), /Nothing feeds/);
  store.run("feed", (change) => feedReroute(change, DEFINITIONS, id("5"), 0, reroute.id));
  assert.deepEqual([store.graph.linkInto(decode, "samples")?.from, store.graph.floating.size], [id("5"), 0]);
});

test("feeding a reroute from elsewhere moves all that goes through it", () => {
  const { store, id, into, add } = opened();
  const upscale = add("LatentUpscale");
  const reroute = store.run("reroute", (change) => addReroute(change, into("8", "samples").id, [1, 1]));
  store.run("share", (change) => connect(change, DEFINITIONS, id("3"), 0, upscale, "samples", reroute.id));
  store.run("feed", (change) => feedReroute(change, DEFINITIONS, id("5"), 0, reroute.id));
  assert.deepEqual([into("8", "samples").from, store.graph.linkInto(upscale, "samples")?.from], [id("5"), id("5")]);
});
