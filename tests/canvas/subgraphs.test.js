/** Subgraphs: what the server is given, what files keep, what can be undone. */

import assert from "node:assert/strict";
import test from "node:test";

import { connect, removeSocket, setMode, setValue } from "../../web/static/js/model/commands.js";
import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { makeSubgraph, unpackSubgraph } from "../../web/static/js/model/nesting.js";
import { rollSeeds } from "../../web/static/js/model/seeds.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { entryOf } from "../../web/static/js/model/subgraphs.js";
import { DEFINITIONS } from "./catalogue.js";
import { snapshot } from "./walk.js";

const INNER = "11111111-1111-4111-8111-111111111111";
const OUTER = "22222222-2222-4222-8222-222222222222";

/** @param {any} fields */
const node = (fields) => ({ pos: [0, 0], size: [200, 100], flags: {}, order: 0, mode: 0, inputs: [], outputs: [], properties: {}, ...fields });
/** @param {any[]} link */
const link = ([id, origin_id, origin_slot, target_id, target_slot, type]) => ({ id, origin_id, origin_slot, target_id, target_slot, type });

/** A latent of a promoted width, made smaller inside; two levels. @param {any} host what the instance on the first level says */
function nested(host) {
  return {
    id: "w", revision: 0, last_node_id: 9, last_link_id: 9, version: 0.4, config: {}, extra: {}, groups: [],
    nodes: [
      node({ id: 7, type: OUTER, inputs: [], outputs: [{ name: "LATENT", type: "LATENT", links: [1] }], ...host }),
      node({ id: 8, type: "VAEDecode", inputs: [{ name: "samples", type: "LATENT", link: 1 }] }),
    ],
    links: [[1, 7, 0, 8, 0, "LATENT"]],
    definitions: {
      subgraphs: [
        {
          id: INNER, version: 1, name: "Blank", inputNode: { id: -10, bounding: [-200, 0, 120, 60] }, outputNode: { id: -20, bounding: [500, 0, 120, 60] },
          inputs: [{ id: "i-width", name: "width", type: "INT", linkIds: [1] }], outputs: [{ id: "o-latent", name: "LATENT", type: "LATENT", linkIds: [2] }],
          nodes: [node({ id: 3, type: "EmptyLatentImage", inputs: [{ name: "width", type: "INT", link: 1, widget: { name: "width" } }], outputs: [{ name: "LATENT", type: "LATENT", links: [2] }], widgets_values: [640, 480, 1] })],
          links: [link([1, -10, 0, 3, 0, "INT"]), link([2, 3, 0, -20, 0, "LATENT"])],
        },
        {
          id: OUTER, version: 1, name: "Small", inputNode: { id: -10, bounding: [-200, 0, 120, 60] }, outputNode: { id: -20, bounding: [900, 0, 120, 60] },
          inputs: [{ id: "p-width", name: "wide", type: "INT", linkIds: [4] }], outputs: [{ id: "p-latent", name: "LATENT", type: "LATENT", linkIds: [6] }],
          nodes: [
            node({ id: 5, type: INNER, inputs: [{ name: "width", type: "INT", link: 4, widget: { name: "width" } }], outputs: [{ name: "LATENT", type: "LATENT", links: [5] }], widgets_values: [320] }),
            node({ id: 6, type: "LatentUpscale", inputs: [{ name: "samples", type: "LATENT", link: 5 }], outputs: [{ name: "LATENT", type: "LATENT", links: [6] }], widgets_values: [96] }),
          ],
          links: [link([4, -10, 0, 5, 0, "INT"]), link([5, 5, 0, 6, 0, "LATENT"]), link([6, 6, 0, -20, 0, "LATENT"])],
        },
      ],
    },
  };
}

/** @param {any} json */
const promptOf = (json) => writePrompt(readWorkflow(json, DEFINITIONS).document, DEFINITIONS);

test("nested subgraphs become one level of nodes with joined keys", () => {
  const prompt = promptOf(nested({ widgets_values: [128] }));
  assert.deepEqual(Object.keys(prompt).sort(), ["7:5:3", "7:6", "8"]);
  assert.deepEqual(prompt["8"].inputs, { samples: ["7:6", 0] });
  assert.deepEqual(prompt["7:6"].inputs, { samples: ["7:5:3", 0], width: 96 });
  assert.deepEqual(prompt["7:5:3"].inputs, { width: 128, height: 480, batch_size: 1 });
});

test("a promoted value is found in each layout of a file", () => {
  const width = (/** @type {any} */ host) => promptOf(nested(host))["7:5:3"].inputs.width;
  assert.equal(width({ properties: { proxyWidgets: [["5", "width"]] }, widgets_values: [] }), 320);
  assert.equal(width({ properties: { proxyWidgets: [["6", "width"], ["-1", "wide"]] }, widgets_values: [null, 200] }), 200);
  assert.equal(width({ properties: { previewExposures: [] }, widgets_values: [72] }), 72);
  assert.equal(width({ widgets_values: { wide: 56 } }), 56);
  assert.equal(width({
    properties: { proxyWidgets: [["-1", "wide"]], proxyWidgetErrorQuarantine: [{ originalEntry: ["-1", "wide"], reason: "x", hostValue: 88 }] }, widgets_values: [],
  }), 88);
});

test("a widget that is promoted by name alone becomes a socket of the subgraph", () => {
  const { document } = readWorkflow(nested({ properties: { proxyWidgets: [["6", "width"]] }, widgets_values: [] }), DEFINITIONS);
  const host = /** @type {any} */ (document.root.nodeByKey("7"));
  assert.deepEqual({ ...host.values }, { wide: 320, width: 96 });
  const store = new Store(document, DEFINITIONS);
  store.run("set", (change) => setValue(change, host.id, "width", 40));
  assert.equal(writePrompt(document, DEFINITIONS)["7:6"].inputs.width, 40);
});

test("instances of one subgraph have values of their own", () => {
  const json = nested({ widgets_values: [128] });
  json.nodes.push(node({ id: 9, type: OUTER, widgets_values: [256] }));
  const prompt = promptOf(json);
  assert.equal(prompt["7:5:3"].inputs.width, 128);
  assert.equal(prompt["9:5:3"].inputs.width, 256);
});

test("muting or bypassing an instance leaves out what is inside; a bypass inside leads through", () => {
  assert.deepEqual(promptOf(nested({ mode: 2, widgets_values: [128] })), { 8: { class_type: "VAEDecode", inputs: {}, _meta: { title: "VAEDecode" } } });
  const { document } = readWorkflow(nested({ widgets_values: [128] }), DEFINITIONS);
  const store = new Store(document, DEFINITIONS);
  store.show([/** @type {any} */ (document.root.nodeByKey("7")).id]);
  const inner = /** @type {any} */ (store.graph.nodeByKey("6"));
  store.run("Bypass", (change) => setMode(change, [inner.id], "bypass"));
  assert.deepEqual(writePrompt(document, DEFINITIONS)["8"].inputs, { samples: ["7:5:3", 0] });
});

test("saving keeps subgraphs, and what was saved says the same", () => {
  const { document } = readWorkflow(nested({ widgets_values: [128], properties: { keep: 1 } }), DEFINITIONS);
  const first = JSON.parse(JSON.stringify(writeWorkflow(document, DEFINITIONS)));
  const again = readWorkflow(first, DEFINITIONS);
  assert.deepEqual(again.doubts, []);
  assert.deepEqual(JSON.parse(JSON.stringify(writeWorkflow(again.document, DEFINITIONS))), first);
  assert.deepEqual(writePrompt(again.document, DEFINITIONS), writePrompt(document, DEFINITIONS));
  const [inner, outer] = first.definitions.subgraphs;
  assert.deepEqual([outer.id, inner.id], [OUTER, INNER]);
  assert.deepEqual(inner.inputs, [{ id: "i-width", name: "width", type: "INT", linkIds: [1] }]);
  assert.deepEqual(first.nodes[0].properties, { keep: 1, previewExposures: [] });
});

test("a subgraph that holds itself is refused with a sentence", () => {
  const json = nested({ widgets_values: [128] });
  json.definitions.subgraphs[0].nodes.push(node({ id: 12, type: OUTER }));
  assert.throws(() => promptOf(json), /contains itself/);
});

test("putting nodes into a subgraph and taking them out leaves the run as it was, and undo leaves no trace", () => {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const before = snapshot(store);
  const plain = writePrompt(store.document, DEFINITIONS);
  const ids = ["6", "7", "3"].map((key) => /** @type {any} */ (store.graph.nodeByKey(key)).id);
  const id = store.run("nest", (change) => makeSubgraph(change, DEFINITIONS, ids, "Sampling"));
  const nestedPrompt = writePrompt(store.document, DEFINITIONS);
  const { key } = /** @type {any} */ (store.graph.nodes.get(id));
  assert.deepEqual(nestedPrompt[`${key}:3`].inputs, { ...plain["3"].inputs, positive: [`${key}:6`, 0], negative: [`${key}:7`, 0] });
  assert.deepEqual(nestedPrompt["8"].inputs.samples, [`${key}:3`, 0]);
  store.run("unpack", (change) => unpackSubgraph(change, DEFINITIONS, id));
  assert.equal(store.graph.nodes.size, 7);
  assert.deepEqual(Object.values(writePrompt(store.document, DEFINITIONS)).map((entry) => entry.class_type).sort(), Object.values(plain).map((entry) => entry.class_type).sort());
  store.undo();
  store.undo();
  assert.deepEqual(snapshot(store), before);
});

test("a link from the spare socket promotes an input, the outside holds its value, and undo shows where it happened", () => {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const sampler = /** @type {any} */ (store.graph.nodeByKey("3"));
  const id = store.run("nest", (change) => makeSubgraph(change, DEFINITIONS, [sampler.id], "S"));
  store.show([id]);
  const entry = /** @type {any} */ (entryOf(store.graph));
  store.run("promote", (change) => connect(change, store.definitions, entry.id, entry.outputs.length, sampler.id, "seed"));
  store.show([]);
  const host = /** @type {any} */ (store.graph.nodes.get(id));
  const slot = store.definitions.get(host.type)?.inputs.find((input) => input.name === "seed");
  assert.equal(slot?.widget?.fallback, 1);
  store.run("set", (change) => setValue(change, id, "seed", 99));
  assert.equal(writePrompt(store.document, DEFINITIONS)[`${host.key}:3`].inputs.seed, 99);
  store.undo();
  store.undo();
  assert.deepEqual(store.path, [id]);
  assert.equal(store.definitions.get(host.type)?.inputs.some((input) => input.name === "seed"), false);
});

test("removing a socket takes it away inside and outside", () => {
  const { document } = readWorkflow(nested({ widgets_values: [128] }), DEFINITIONS);
  const store = new Store(document, DEFINITIONS);
  const before = snapshot(store);
  store.show([/** @type {any} */ (document.root.nodeByKey("7")).id]);
  const entry = /** @type {any} */ (entryOf(store.graph));
  store.run("remove", (change) => removeSocket(change, entry.id, 0));
  assert.deepEqual({ ...document.root.nodeByKey("7")?.values }, {});
  assert.equal(writePrompt(document, DEFINITIONS)["7:5:3"].inputs.width, 320);
  store.undo();
  assert.deepEqual(snapshot(store), before);
});

test("seeds inside subgraphs roll before a run", () => {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const sampler = /** @type {any} */ (store.graph.nodeByKey("3"));
  store.run("control", (change) => change.put("node", { ...sampler, controls: { seed: "increment" } }));
  const id = store.run("nest", (change) => makeSubgraph(change, DEFINITIONS, [sampler.id], "S"));
  store.run("roll", (change) => rollSeeds(change, store.definitions, () => 0.5));
  const key = store.graph.nodes.get(id)?.key;
  assert.equal(writePrompt(store.document, DEFINITIONS)[`${key}:3`].inputs.seed, 2);
});
