/** Reroutes: chains that links are led through, in both forms of a file, and what is left when nodes go. */

import assert from "node:assert/strict";
import test from "node:test";

import { addReroute, connect, moveReroutes, removeLinks, removeNodes, removeReroutes, setHidden } from "../../web/static/js/model/commands.js";
import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { chainOf, linksThrough, originOf } from "../../web/static/js/model/reroutes.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { DEFINITIONS } from "./catalogue.js";
import { snapshot } from "./walk.js";

/** The start graph, whose link from the sampler to the decoder is led through two reroutes. */
function led() {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const id = (/** @type {string} */ key) => /** @type {any} */ (store.graph.nodeByKey(key)).id;
  const link = /** @type {any} */ (store.graph.linkInto(id("8"), "samples"));
  const second = store.run("second", (change) => addReroute(change, link.id, [900, 50]));
  const first = store.run("first", (change) => addReroute(change, second.id, [800, 50]));
  const way = () => chainOf(store.graph, /** @type {any} */ (store.graph.linkInto(id("8"), "samples")).via).map((reroute) => reroute.id);
  return { store, id, link, first, second, way };
}

/** @param {Store} store */
const again = (store) => readWorkflow(JSON.parse(JSON.stringify(writeWorkflow(store.document, DEFINITIONS))), DEFINITIONS);

test("reroutes stand in a chain before the end of their link, and removing one bridges it", () => {
  const { store, first, second, way } = led();
  const plain = writePrompt(starterDocument(DEFINITIONS), DEFINITIONS);
  assert.deepEqual(way(), [first.id, second.id]);
  assert.deepEqual(writePrompt(store.document, DEFINITIONS), plain);
  const before = snapshot(store);
  store.run("move", (change) => moveReroutes(change, new Map([[first.id, [1, 2]]])));
  store.run("bridge", (change) => removeReroutes(change, [first.id]));
  assert.deepEqual(way(), [second.id]);
  store.run("bridge", (change) => removeReroutes(change, [second.id]));
  assert.deepEqual(way(), []);
  for (let count = 0; count < 3; count += 1) store.undo();
  assert.deepEqual(snapshot(store), before);
});

test("a second link shares the chain; the chain goes with the last link", () => {
  const { store, id, first, second } = led();
  const other = store.run("share", (change) => connect(change, DEFINITIONS, id("3"), 0, addUpscale(change), "samples", first.id));
  assert.equal(linksThrough(store.graph, first.id).links.length, 2);
  assert.equal(linksThrough(store.graph, second.id).links.length, 1);
  assert.deepEqual(originOf(store.graph, second.id), { from: id("3"), slot: 0 });
  store.run("cut", (change) => removeLinks(change, [/** @type {any} */ (store.graph.linkInto(id("8"), "samples")).id]));
  assert.deepEqual([...store.graph.reroutes.keys()], [first.id]);
  store.run("cut", (change) => removeLinks(change, [other.id]));
  assert.equal(store.graph.reroutes.size, 0);
});

/** @param {import("../../web/static/js/model/document.js").Transaction} change @returns {string} */
function addUpscale(change) {
  const present = /** @type {any} */ (change.graph.nodeByKey("5"));
  change.put("node", { ...present, id: "upscale", key: "90", type: "LatentUpscale", values: {} });
  return "upscale";
}

test("a node that goes leaves its reroutes floating, from either side, through a file and back", () => {
  for (const [gone, side] of [["8", "output"], ["3", "input"]]) {
    const { store, id, second } = led();
    const before = snapshot(store);
    store.run("remove", (change) => removeNodes(change, [id(gone)]));
    assert.equal(store.graph.reroutes.size, 2);
    const [floating] = store.graph.floating.values();
    assert.equal(floating.via, second.id);
    assert.deepEqual([floating.from === null, floating.to === null], side === "input" ? [true, false] : [false, true]);
    const json = writeWorkflow(store.document, DEFINITIONS);
    assert.deepEqual(json.extra.reroutes.map((/** @type {any} */ one) => one.floating?.slotType), [side, undefined]);
    assert.deepEqual(json.extra.reroutes[1].linkIds, []);
    assert.deepEqual(writeWorkflow(again(store).document, DEFINITIONS), json);
    store.undo();
    assert.deepEqual(snapshot(store), before);
    store.run("both", (change) => removeNodes(change, [id("8"), id("3")]));
    assert.deepEqual([store.graph.reroutes.size, store.graph.floating.size], [0, 0]);
  }
});

test("0.4 keeps reroutes in extra, 1.0 beside its links; what both say is the same", () => {
  const { store, link } = led();
  store.run("hide", (change) => setHidden(change, [link.id], true));
  const json = writeWorkflow(store.document, DEFINITIONS);
  const [second, first] = json.extra.reroutes;
  assert.deepEqual(first, { id: 2, pos: [800, 50], linkIds: [7] });
  assert.deepEqual(second, { id: 1, parentId: 2, pos: [900, 50], linkIds: [7] });
  assert.deepEqual(json.extra.linkExtensions, [{ id: 7, parentId: 1 }]);
  assert.deepEqual(json.extra.linkPresentation, { 7: { hidden: true } });
  const { reroutes, linkExtensions: _extensions, ...extra } = json.extra;
  const newer = {
    ...json, version: 1, extra, reroutes, links: json.links.map((/** @type {any[]} */ [id, origin_id, origin_slot, target_id, target_slot, type]) =>
      ({ id, origin_id, origin_slot, target_id, target_slot, type, ...(id === 7 ? { parentId: 1 } : {}) })),
  };
  const { document, doubts } = readWorkflow(newer, DEFINITIONS);
  assert.deepEqual(doubts, []);
  assert.deepEqual(writeWorkflow(document, DEFINITIONS), json);
  assert.equal([...document.root.links.values()].filter((one) => one.hidden).length, 1);
});

test("reroutes that lead round in a circle are cut, with a doubt", () => {
  const { store } = led();
  const json = writeWorkflow(store.document, DEFINITIONS);
  json.extra.reroutes[1].parentId = 1;
  const { document, doubts } = readWorkflow(json, DEFINITIONS);
  assert.match(doubts[0].text, /circle/);
  assert.equal(document.root.reroutes.size, 2);
});
