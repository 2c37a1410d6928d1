/** What newer versions of the ecosystem write and this one does not offer: nothing is lost, and nothing slips out of its place. */

import assert from "node:assert/strict";
import test from "node:test";

import { setValue } from "../../web/static/js/model/commands.js";
import { definitionOf } from "../../web/static/js/model/definitions.js";
import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { slotsOf } from "../../web/static/js/model/slots.js";
import { Store } from "../../web/static/js/model/store.js";
import { DEFINITIONS } from "./catalogue.js";

const OWN = definitionOf("CustomCombo", {
  input: { required: { choice: ["COMBO", { options: [] }] } }, output: ["STRING"],
  more: { input: { optional: { index: ["INT", { default: 0 }] } }, output: ["INT"], output_name: ["INDEX"] },
});
const CATALOGUE = new Map([...DEFINITIONS, ["CustomCombo", OWN]]);

/** @param {any} fields */
const node = (fields) => ({ pos: [0, 0], size: [200, 100], flags: {}, order: 0, mode: 0, inputs: [], outputs: [], properties: {}, ...fields });
/** @param {any} json */
const open = (json) => readWorkflow({ version: 0.4, groups: [], links: [], ...json }, CATALOGUE);
/** @param {any} document */
const written = (document) => JSON.parse(JSON.stringify(writeWorkflow(document, CATALOGUE)));
/** @param {any} document @param {string} key */
const at = (document, key) => /** @type {any} */ (document.root.nodeByKey(key));

test("a drop-down with words of its own is read, edited, run and written", () => {
  for (const widgets_values of [["b", 1, "a", "b", "", "d", ""], ["b", "a", "b", "", "d"], { choice: "b", index: 1, option1: "a", option2: "b", option4: "d" }]) {
    const { document, doubts } = open({ nodes: [node({ id: 1, type: "CustomCombo", widgets_values })] });
    assert.deepEqual(doubts, []);
    assert.deepEqual(writePrompt(document, CATALOGUE)["1"].inputs, { choice: "b", option1: "a", option2: "b", option3: "", option4: "d", index: 1 });
    assert.deepEqual(written(document).nodes[0].widgets_values, ["b", 1, "a", "b", "", "d", ""]);
    const store = new Store(document, CATALOGUE);
    const { id } = at(document, "1");
    const rows = () => slotsOf(CATALOGUE, at(document, "1")).inputs;
    assert.deepEqual(rows()[0].widget?.options, ["a", "b", "d"]);
    assert.deepEqual(rows().map(({ name }) => name), ["choice", "option1", "option2", "option3", "option4", "option5"]);
    store.run("set", (change) => setValue(change, id, "option5", "e"));
    store.run("set", (change) => setValue(change, id, "choice", "e"));
    assert.deepEqual([rows()[0].widget?.options, rows().length], [["a", "b", "d", "e"], 7]);
    assert.equal(writePrompt(document, CATALOGUE)["1"].inputs.index, 3);
  }
});

test("outputs that are not offered everywhere are offered here", () => {
  assert.deepEqual(OWN.outputs.map(({ name, type }) => [name, type]), [["STRING", "STRING"], ["INDEX", "INT"]]);
});

test("a link that leaves an output that a type does not have stays, and goes with its last link", () => {
  const json = {
    nodes: [
      node({ id: 1, type: "VAEDecode", outputs: [{ name: "IMAGE", type: "IMAGE", links: null }, { name: "again", type: "IMAGE", links: [1] }, { name: "more", type: "INT", links: null }] }),
      node({ id: 2, type: "SaveImage", inputs: [{ name: "images", type: "IMAGE", link: 1 }] }),
    ],
    links: [[1, 1, 1, 2, 0, "IMAGE"]],
  };
  const { document, doubts } = open(json);
  assert.deepEqual(doubts, []);
  assert.deepEqual(writePrompt(document, CATALOGUE)["2"].inputs.images, ["1", 1]);
  assert.deepEqual(written(document).nodes[0].outputs.map((/** @type {any} */ slot) => [slot.name, slot.links]), [["IMAGE", null], ["again", [1]]]);
  new Store(document, CATALOGUE).run("cut", (change) => change.remove("link", document.root.linksFrom(at(document, "1").id)[0].id));
  assert.equal(written(document).nodes[0].outputs.length, 1);
});

test("values of a type that nobody knows are called as its inputs are", () => {
  const inputs = [{ name: "model", type: "MODEL", link: null }, ...["seed", "steps"].map((name) => ({ name, type: "INT", widget: { name }, link: null }))];
  const { document } = open({ nodes: [node({ id: 1, type: "Strange", inputs, widgets_values: [7, "randomize", 20] }), node({ id: 2, type: "Odd", inputs, widgets_values: [1] })] });
  assert.deepEqual({ ...at(document, "1").values }, { seed: 7, control_after_generate: "randomize", steps: 20 });
  assert.deepEqual(written(document).nodes.map((/** @type {any} */ one) => one.widgets_values), [[7, "randomize", 20], [1]]);
  new Store(document, CATALOGUE).run("set", (change) => setValue(change, at(document, "1").id, "steps", 30));
  assert.deepEqual(written(document).nodes[0].widgets_values, [7, "randomize", 30]);
});

const SUBGRAPH = "33333333-3333-4333-8333-333333333333";

/** @param {any} inner @param {any} host */
const within = (inner, host) => ({
  nodes: [node({ id: 9, type: SUBGRAPH, ...host })],
  definitions: {
    subgraphs: [{
      id: SUBGRAPH, version: 1, name: "Inside", inputNode: { id: -10, bounding: [0, 0, 1, 1] }, outputNode: { id: -20, bounding: [0, 0, 1, 1] },
      inputs: [], outputs: [], links: [], ...inner,
    }],
  },
});
/** @param {any[]} link */
const link = ([id, origin_id, origin_slot, target_id, target_slot, type]) => ({ id, origin_id, origin_slot, target_id, target_slot, type });

test("a promoted widget that this version does not have keeps its place among the values of the instance", () => {
  const names = ["newer", "width"];
  const { document } = open(within({
    inputs: names.map((name, index) => ({ id: name, name, type: index ? "INT" : "COMBO", linkIds: [index + 1] })),
    nodes: [node({ id: 3, type: "EmptyLatentImage", inputs: names.map((name, index) => ({ name, type: "INT", widget: { name }, link: index + 1 })), widgets_values: [640, 480, 1] })],
    links: names.map((_name, index) => link([index + 1, -10, index, 3, index, "INT"])),
  }, { widgets_values: ["flow", 96] }));
  assert.equal(writePrompt(document, CATALOGUE)["9:3"].inputs.width, 96);
  assert.equal(at(document, "9").values.newer, "flow");
});

test("a promoted primitive becomes the input of its subgraph", () => {
  const { document, doubts } = open(within({
    nodes: [
      node({ id: 3, type: "EmptyLatentImage", inputs: ["width", "height"].map((name, index) => ({ name, type: "INT", widget: { name }, link: index + 1 })), widgets_values: [640, 480, 1] }),
      node({ id: 4, type: "PrimitiveNode", outputs: [{ name: "INT", type: "INT", links: [1, 2] }], widgets_values: [72, "fixed"] }),
    ],
    links: [link([1, 4, 0, 3, 0, "INT"]), link([2, 4, 0, 3, 1, "INT"])],
  }, { widgets_values: [], properties: { proxyWidgets: [["4", "value"]] } }));
  assert.deepEqual(doubts, []);
  const { inputs } = writePrompt(document, CATALOGUE)["9:3"];
  assert.deepEqual([inputs.width, inputs.height], [72, 72]);
});

test("of two links into one place the one counts that the place itself names", () => {
  const sampler = (/** @type {any} */ fields) => node({ type: "EmptyLatentImage", outputs: [{ name: "LATENT", type: "LATENT", links: [] }], ...fields });
  const links = [[1, 1, 0, 3, 0, "LATENT"], [2, 2, 0, 3, 0, "LATENT"]];
  const plain = open({ nodes: [sampler({ id: 1 }), sampler({ id: 2 }), node({ id: 3, type: "VAEDecode", inputs: [{ name: "samples", type: "LATENT", link: 2 }] })], links });
  assert.deepEqual(writePrompt(plain.document, CATALOGUE)["3"].inputs.samples, ["2", 0]);
  const { document } = open({
    ...within({
      outputs: [{ id: "out", name: "LATENT", type: "LATENT", linkIds: [2, 1] }], nodes: [sampler({ id: 1 }), sampler({ id: 2 })],
      links: [link([1, 1, 0, -20, 0, "LATENT"]), link([2, 2, 0, -20, 0, "LATENT"])],
    }, { outputs: [{ name: "LATENT", type: "LATENT", links: [5] }] }),
    links: [[5, 9, 0, 8, 0, "LATENT"]],
  });
  const inside = [...document.graphs.values()].find((graph) => graph.id === SUBGRAPH);
  const [kept] = [.../** @type {any} */ (inside).links.values()];
  assert.equal(inside?.nodes.get(kept.from)?.key, "2");
});
