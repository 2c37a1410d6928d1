/** What changed between two documents: live ones, and ones that went through files. */

import assert from "node:assert/strict";
import test from "node:test";

import { addGroup, addNode, addReroute, connect, moveNodes, removeNodes, setHidden, setTitle, setValue } from "../../web/static/js/model/commands.js";
import { difference } from "../../web/static/js/model/diff.js";
import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { makeSubgraph } from "../../web/static/js/model/nesting.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { DEFINITIONS, randomness } from "./catalogue.js";
import { Document } from "../../web/static/js/model/document.js";
import { step } from "./walk.js";

/** @param {Document} document */
const copy = (document) => readWorkflow(JSON.parse(JSON.stringify(writeWorkflow(document, DEFINITIONS))), DEFINITIONS).document;

test("a document and its copy through a file are the same, whatever was done to it", () => {
  for (let seed = 1; seed <= 25; seed += 1) {
    const random = randomness(seed);
    const store = new Store(new Document("d"), DEFINITIONS);
    for (let count = 0; count < 40; count += 1) step(store, random);
    const first = copy(store.document);
    assert.deepEqual(difference(first, copy(first)), { graphs: [], added: [], removed: [], isSame: true }, `seed ${seed}`);
  }
});

test("each change is told once, by what it was", () => {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const before = copy(store.document);
  const id = (/** @type {string} */ key) => /** @type {any} */ (store.graph.nodeByKey(key)).id;
  store.run("value", (change) => setValue(change, id("3"), "steps", 33));
  store.run("title", (change) => setTitle(change, id("6"), "What"));
  store.run("move", (change) => moveNodes(change, new Map([[id("5"), [1, 2]]])));
  store.run("remove", (change) => removeNodes(change, [id("9")]));
  const upscale = store.run("add", (change) => addNode(change, /** @type {any} */ (DEFINITIONS.get("LatentUpscale")), [0, 0]));
  store.run("link", (change) => connect(change, DEFINITIONS, id("3"), 0, upscale.id, "samples"));
  store.run("group", (change) => addGroup(change, "G", [0, 0, 10, 10]));
  const { graphs: [root], isSame } = difference(before, store.document);
  assert.equal(isSame, false);
  assert.deepEqual(root.nodes.added.map((node) => node.type), ["LatentUpscale"]);
  assert.deepEqual(root.nodes.removed.map((node) => node.type), ["SaveImage"]);
  const told = root.nodes.changed.map(({ after, fields, values }) => [after.key, ...fields, ...values.map((value) => [value.name, value.before, value.after])]);
  assert.deepEqual(told.sort(), [["3", ["steps", 20, 33]], ["5", "position"], ["6", "title"]]);
  assert.deepEqual([root.links.added.length, root.links.removed.length, root.groups.added.length], [1, 1, 1]);
  assert.equal(root.routes, false);
});

test("the way of a link is a change, and so is a subgraph", () => {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const before = copy(store.document);
  const [link] = store.graph.links.values();
  store.run("way", (change) => addReroute(change, link.id, [5, 5]));
  const led = copy(store.document);
  assert.deepEqual(difference(before, led).graphs.map((graph) => [graph.routes, graph.nodes.changed.length]), [[true, 0]]);
  store.run("hide", (change) => setHidden(change, [link.id], true));
  assert.equal(difference(led, store.document).graphs[0].routes, true);
  const sampler = /** @type {any} */ (store.graph.nodeByKey("3")).id;
  store.run("nest", (change) => makeSubgraph(change, DEFINITIONS, [sampler], "S"));
  const { added, graphs } = difference(led, store.document);
  assert.equal(added.length, 1);
  assert.deepEqual(graphs.map((graph) => [graph.nodes.added.length, graph.nodes.removed.length]).sort(), [[1, 1], [3, 0]]);
});
