/** Sockets of subgraphs change places; what a run gets stays the same. */

import assert from "node:assert/strict";
import test from "node:test";

import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { openJson } from "../../web/static/js/model/io/open.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { makeSubgraph } from "../../web/static/js/model/nesting.js";
import { swapSockets } from "../../web/static/js/model/sockets.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { entryOf, exitOf } from "../../web/static/js/model/subgraphs.js";
import { DEFINITIONS } from "./catalogue.js";
import { snapshot } from "./walk.js";

test("entries and exits are put in another order, in two instances, and the prompt is the same", () => {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const id = (/** @type {string} */ key) => /** @type {any} */ (store.graph.nodeByKey(key)).id;
  const host = store.run("nest", (change) => makeSubgraph(change, DEFINITIONS, [id("3"), id("4")], "S"));
  const graph = /** @type {any} */ (store.graph.nodes.get(host)).type;
  const inner = /** @type {import("../../web/static/js/model/document.js").Graph} */ (store.document.graphs.get(graph));
  const [entry, exit] = [/** @type {any} */ (entryOf(inner)), /** @type {any} */ (exitOf(inner))];
  assert.ok(entry.outputs.length >= 2 && exit.inputs.length >= 2);
  const prompt = writePrompt(store.document, DEFINITIONS);
  const before = snapshot(store);
  store.show([host]);
  store.run("swap", (change) => {
    swapSockets(change, entry.id, 0, 1);
    swapSockets(change, exit.id, 0, exit.inputs.length - 1);
  });
  assert.deepEqual(entryOf(inner)?.outputs.map(({ name }) => name).slice(0, 2), [entry.outputs[1].name, entry.outputs[0].name]);
  assert.deepEqual(writePrompt(store.document, DEFINITIONS), prompt);
  const again = openJson(JSON.parse(JSON.stringify(writeWorkflow(store.document, DEFINITIONS))), DEFINITIONS);
  assert.deepEqual(again.doubts, []);
  assert.deepEqual(writePrompt(again.document, DEFINITIONS), prompt);
  store.undo();
  store.show([]);
  assert.deepEqual(snapshot(store), before);
  assert.throws(() => store.run("swap", (change) => swapSockets(change.at(graph), entry.id, 0, 99)), /no sockets/);
});
