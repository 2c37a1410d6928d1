/** Forms that files come in: 0.4 and 1.0, promotions at every depth, lists of old programs, setters and getters. */

import assert from "node:assert/strict";
import test from "node:test";

import { readCatalogue } from "../../web/static/js/model/definitions.js";
import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { readPrompt } from "../../web/static/js/model/io/prompt.js";
import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { setValue } from "../../web/static/js/model/commands.js";
import { Store } from "../../web/static/js/model/store.js";
import { CATALOGUE, DEFINITIONS } from "./catalogue.js";
import { assertSound, fullFile } from "./sound.js";

/** @param {any} json */
const plain = (json) => JSON.parse(JSON.stringify(json));
/** @param {any} fields */
const node = (fields) => ({ pos: [0, 0], size: [200, 100], flags: {}, order: 0, mode: 0, inputs: [], outputs: [], properties: {}, ...fields });

test("1.0 says the same as 0.4, and each is a fixed point", () => {
  const { document } = readWorkflow(fullFile(), DEFINITIONS);
  const [older, newer] = [plain(writeWorkflow(document, DEFINITIONS)), plain(writeWorkflow(document, DEFINITIONS, 1))];
  assert.equal(newer.version, 1);
  assert.deepEqual(newer.state, { lastGroupId: 1, lastNodeId: 20, lastLinkId: 20, lastRerouteId: 3 });
  assert.deepEqual(newer.links[3], { id: 4, origin_id: 3, origin_slot: 0, target_id: 5, target_slot: 0, type: "LATENT", parentId: 2 });
  assert.equal(newer.reroutes.length, 3);
  assert.equal(newer.extra.reroutes, undefined);
  const { document: again, doubts } = readWorkflow(newer, DEFINITIONS);
  assert.deepEqual(doubts, []);
  assertSound(again, "1.0");
  assert.deepEqual(plain(writeWorkflow(again, DEFINITIONS, 1)), newer);
  const { last_node_id: _node, last_link_id: _link, ...back } = plain(writeWorkflow(again, DEFINITIONS));
  const { last_node_id: _first, last_link_id: _second, ...before } = older;
  assert.deepEqual(back, before);
});

test("widgets that each level promotes by name alone reach the first level, with the value that is inside", () => {
  const json = fullFile();
  for (const subgraph of json.definitions.subgraphs) {
    subgraph.inputs = [];
    subgraph.links = subgraph.links.slice(1);
    subgraph.nodes[0].inputs = [];
    if (subgraph.id !== "a") Object.assign(subgraph.nodes[0], { widgets_values: [], properties: { proxyWidgets: [["2", "height"]] } });
  }
  for (const host of json.nodes.slice(0, 2)) Object.assign(host, { widgets_values: [], properties: { proxyWidgets: [["2", "2: height"], ["2", "$$canvas-image-preview"]] } });
  const store = new Store(readWorkflow(json, DEFINITIONS).document, DEFINITIONS);
  const [first, second] = ["1", "2"].map((key) => /** @type {any} */ (store.graph.nodeByKey(key)));
  assert.deepEqual([{ ...first.values }, { ...second.values }], [{ height: 480 }, { height: 480 }]);
  store.run("set", (change) => setValue(change, second.id, "height", 96));
  const prompt = writePrompt(store.document, DEFINITIONS);
  assert.deepEqual([prompt["1:2:2:2"].inputs.height, prompt["2:2:2:2"].inputs.height], [480, 96]);
});

test("a promoted input that feeds a socket before a widget still has the widget's value, which both get", () => {
  const json = fullFile();
  const [, , inner] = json.definitions.subgraphs;
  inner.nodes.push(node({ id: 3, type: "PreviewAny", inputs: [{ name: "source", type: "*", link: 7 }] }));
  inner.links.push({ id: 7, origin_id: -10, origin_slot: 0, target_id: 3, target_slot: 0, type: "INT" });
  inner.inputs[0].linkIds = [7, 1];
  const { document, doubts } = readWorkflow(json, DEFINITIONS);
  assert.deepEqual(doubts, []);
  const prompt = writePrompt(document, DEFINITIONS);
  assert.deepEqual([prompt["1:2:2:3"].inputs.source, prompt["1:2:2:2"].inputs.width], [128, 128]);
});

test("a list from the time when inputs that take links only had a value is read without those", () => {
  const definitions = readCatalogue({ ...CATALOGUE, Old: { input: { required: { a: ["INT", { default: 1 }], b: ["FLOAT", { forceInput: true }], c: ["STRING", {}] } }, output: [] } });
  const values = (/** @type {any[]} */ list) =>
    ({ ...[...readWorkflow({ nodes: [node({ id: 1, type: "Old", widgets_values: list })], links: [] }, definitions).document.root.nodes.values()][0].values });
  assert.deepEqual(values([5, 0.5, "x"]), { a: 5, c: "x" });
  assert.deepEqual(values([5, "x"]), { a: 5, c: "x" });
});

test("true after a seed is an old way to say randomize; values that are left over are doubted", () => {
  const read = (/** @type {any[]} */ list) => readWorkflow({ nodes: [node({ id: 1, type: "KSampler", widgets_values: list })], links: [] }, DEFINITIONS);
  const [sampler] = read([1, true, 2, 3, "heun", "normal", 1]).document.root.nodes.values();
  assert.deepEqual({ ...sampler.controls }, { seed: "randomize" });
  assert.match(read([1, "fixed", 2, 3, "heun", "normal", 1, "tail", 7]).doubts[0].text, /No input is left for "tail", 7/);
});

test("what is changed on a node of an unknown type is saved; its labels are left out of the prompt", () => {
  const unknown = node({ id: 1, type: "X", widgets_values: [1, "a"], widgets_values_named: { count: 1, word: "a" }, outputs: [{ name: "o", type: "X", links: [1] }] });
  const json = {
    nodes: [unknown, node({ id: 2, type: "X", inputs: [{ name: "i", type: "X", link: 1 }], widgets_values: { word: "b" } }), node({ id: 3, type: "Label" })],
    links: [[1, 1, 0, 2, 0, "X"]],
  };
  const store = new Store(readWorkflow(json, DEFINITIONS).document, DEFINITIONS);
  for (const key of ["1", "2"]) store.run("set", (change) => setValue(change, /** @type {any} */ (store.graph.nodeByKey(key)).id, "word", "new"));
  const [first, second] = plain(writeWorkflow(store.document, DEFINITIONS)).nodes;
  assert.deepEqual([first.widgets_values, first.widgets_values_named, second.widgets_values], [[1, "new"], { count: 1, word: "new" }, { word: "new" }]);
  assert.deepEqual(Object.keys(writePrompt(store.document, DEFINITIONS)), ["1", "2"]);
});

test("setters and getters of one name carry their link", () => {
  const json = {
    nodes: [
      node({ id: 1, type: "EmptyLatentImage", outputs: [{ name: "LATENT", type: "LATENT", links: [1] }], widgets_values: [8, 8, 1] }),
      node({ id: 2, type: "SetNode", inputs: [{ name: "LATENT", type: "LATENT", link: 1 }], outputs: [{ name: "*", type: "*", links: null }], widgets_values: ["it"] }),
      node({ id: 3, type: "GetNode", outputs: [{ name: "LATENT", type: "LATENT", links: [2] }], widgets_values: ["it"] }),
      node({ id: 4, type: "PreviewAny", inputs: [{ name: "source", type: "*", link: 2 }] }),
    ],
    links: [[1, 1, 0, 2, 0, "LATENT"], [2, 3, 0, 4, 0, "LATENT"]],
  };
  const prompt = writePrompt(readWorkflow(json, DEFINITIONS).document, DEFINITIONS);
  assert.deepEqual(Object.keys(prompt), ["1", "4"]);
  assert.deepEqual(prompt["4"].inputs, { source: ["1", 0] });
});

test("a prompt whose nodes nobody knows keeps its links through a file; links to nothing are doubted", () => {
  const prompt = { "1:2": { class_type: "A", inputs: {} }, "1_2": { class_type: "B", inputs: { x: ["1:2", 3], y: ["9", 0], z: [1, 2, 3] } } };
  const { document, doubts } = readPrompt(prompt, DEFINITIONS);
  assert.deepEqual(doubts.map((doubt) => doubt.text), ['"y" was linked to output 0 of node 9, which is not there.']);
  const { document: again } = readWorkflow(plain(writeWorkflow(document, DEFINITIONS)), DEFINITIONS);
  assertSound(again, "prompt");
  assert.equal(again.root.links.size, 1);
  assert.deepEqual({ .../** @type {any} */ ([...again.root.nodes.values()].find((one) => one.type === "B")).values }, { z: [1, 2, 3] });
});

test("a node whose type comes to be known takes its values by that type, with what was changed meanwhile", () => {
  const few = new Map([...DEFINITIONS].filter(([type]) => type !== "KSampler"));
  const values = [5, "increment", 30, 4.5, "heun", "karras", 0.5];
  const named = { seed: 5, control_after_generate: "increment", steps: 30, cfg: 4.5, sampler_name: "heun", scheduler: "karras", denoise: 0.5 };
  const store = new Store(readWorkflow({ nodes: [node({ id: 1, type: "KSampler", widgets_values: values, widgets_values_named: named })], links: [] }, few).document, few);
  const sampler = () => /** @type {any} */ (store.graph.nodeByKey("1"));
  store.run("set", (change) => setValue(change, sampler().id, "steps", 31));
  store.define(DEFINITIONS);
  assert.deepEqual([sampler().values.steps, sampler().values.cfg, sampler().controls.seed], [31, 4.5, "increment"]);
  assert.equal(sampler().kept.widgets_values, undefined);
  const before = store.history.past.length;
  store.define(DEFINITIONS);
  assert.equal(store.history.past.length, before);
});
