/** Another type in the place of a node's. */

import assert from "node:assert/strict";
import test from "node:test";

import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { retype } from "../../web/static/js/model/retype.js";
import { starterWorkflow } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { DEFINITIONS } from "./catalogue.js";

/** @param {(json: any) => void} edit */
function opened(edit) {
  const json = starterWorkflow();
  edit(json);
  return new Store(readWorkflow(json, DEFINITIONS).document, DEFINITIONS);
}

/** @param {Store} store @param {string} key @param {string} type */
function replace(store, key, type) {
  const node = /** @type {any} */ (store.graph.nodeByKey(key));
  return store.run("Replace", (change) => retype(change, store.definitions, node.id, /** @type {any} */ (DEFINITIONS.get(type))));
}

/** @param {Store} store */
const links = (store) => [...store.graph.links.values()].map(({ from, slot, to, input }) =>
  `${store.graph.nodes.get(from)?.key}.${slot} > ${store.graph.nodes.get(to)?.key}.${input}`).sort();

test("a missing type is replaced with all links and values, and undone in one step", () => {
  const store = opened((json) => Object.assign(json.nodes.find((/** @type {any} */ node) => node.id === 3), { type: "FancySampler", title: "mine" }));
  const before = JSON.stringify(writeWorkflow(store.document, DEFINITIONS));
  const expected = links(opened(() => undefined));
  assert.equal(replace(store, "3", "KSampler"), 0);
  assert.deepEqual(links(store), expected);
  const node = /** @type {any} */ (store.graph.nodeByKey("3"));
  assert.deepEqual([node.type, node.title, node.values.steps, node.values.cfg], ["KSampler", "mine", 20, 7]);
  assert.equal(node.kept.properties["Node name for S&R"], "KSampler");
  store.undo();
  assert.equal(JSON.stringify(writeWorkflow(store.document, DEFINITIONS)), before);
});

test("links go to sockets of their type where names differ, and what does not fit is counted", () => {
  const store = opened((json) => {
    const node = json.nodes.find((/** @type {any} */ one) => one.id === 8);
    node.type = "OldDecode";
    node.inputs[0].name = "latents";
  });
  assert.equal(replace(store, "8", "VAEDecode"), 0);
  assert.ok(links(store).includes("3.0 > 8.samples"));
  assert.ok(links(store).includes("8.0 > 9.images"));
  assert.equal(replace(store, "8", "LatentUpscale"), 2);
  assert.deepEqual(links(store).filter((link) => link.includes("8.")), ["3.0 > 8.samples"]);
});
