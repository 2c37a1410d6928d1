/** Rows of the same inputs: a number on the node brings them, files keep it, prompts do not. */

import assert from "node:assert/strict";
import test from "node:test";

import { addNode, chooseWord, setValue } from "../../web/static/js/model/commands.js";
import { readCatalogue } from "../../web/static/js/model/definitions.js";
import { Document, Transaction } from "../../web/static/js/model/document.js";
import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { readPrompt } from "../../web/static/js/model/io/prompt.js";
import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { slotsOf } from "../../web/static/js/model/slots.js";

const template = {
  required: {
    lora_name: ["COMBO", { options: ["a", "b"] }], strength: ["FLOAT", { default: 1 }], enabled: ["BOOLEAN", { default: true }],
  },
};
const STACK = {
  input: { required: {
    before: ["STRING", { default: "head" }], loras: ["COMFY_DYNAMICGROUP_V3", { template, min: 1, max: 3, group_name: "LoRA" }],
    after: ["STRING", { default: "tail" }],
  } },
  output: ["MODEL"],
};
const NUMBER = { input: { required: {} }, output: ["FLOAT"] };
const DEFINITIONS = readCatalogue({ Stack: STACK, Number: NUMBER });
const ROW = ["lora_name", "strength", "enabled"];

function made() {
  const document = new Document("d");
  const change = new Transaction(document);
  const { id } = addNode(change, /** @type {any} */ (DEFINITIONS.get("Stack")), [0, 0]);
  const names = () => slotsOf(DEFINITIONS, change.node(id)).inputs.map((slot) => slot.name);
  const sent = () => writePrompt(document, DEFINITIONS)[change.node(id).key].inputs;
  return { document, change, id, names, sent };
}

test("as many rows are there as the number says, between the inputs around it", () => {
  const { change, id, names, sent } = made();
  assert.deepEqual(names(), ["before", "loras", ...ROW.map((name) => `loras.0.${name}`), "after"]);
  assert.deepEqual(slotsOf(DEFINITIONS, change.node(id)).inputs.map(({ label }) => label).slice(1, 3), ["loras", "lora_name 1"]);
  chooseWord(change, DEFINITIONS, id, "loras", 2);
  setValue(change, id, "loras.1.lora_name", "b");
  assert.deepEqual(sent(), {
    before: "head", after: "tail", "loras.0.lora_name": "a", "loras.0.strength": 1, "loras.0.enabled": true,
    "loras.1.lora_name": "b", "loras.1.strength": 1, "loras.1.enabled": true,
  });
  chooseWord(change, DEFINITIONS, id, "loras", 1);
  assert.deepEqual(Object.keys(sent()).length, 5);
  chooseWord(change, DEFINITIONS, id, "loras", 2);
  assert.equal(sent()["loras.1.lora_name"], "b");
});

test("the number has bounds, and no socket", () => {
  const { change, id } = made();
  const { widget } = /** @type {any} */ (slotsOf(DEFINITIONS, change.node(id)).inputs[1]);
  assert.deepEqual([widget.kind, widget.min, widget.max, widget.step, widget.loose], ["int", 1, 3, 1, true]);
});

test("files keep the number before its rows, in the order that other pages write", () => {
  const values = ["first", 2, "b", 0.5, false, "a", 1, true, "last"];
  const json = {
    version: 0.4, last_node_id: 2, last_link_id: 1, groups: [],
    nodes: [
      { id: 1, type: "Stack", pos: [0, 0], size: [200, 80], outputs: [{ name: "MODEL", type: "MODEL", links: null }],
        inputs: [{ name: "loras.1.strength", type: "FLOAT", link: 1, widget: { name: "loras.1.strength" } }], widgets_values: values },
      { id: 2, type: "Number", pos: [-300, 0], size: [200, 80], inputs: [], outputs: [{ name: "FLOAT", type: "FLOAT", links: [1] }] },
    ],
    links: [[1, 2, 0, 1, 0, "FLOAT"]],
  };
  const { document, doubts } = readWorkflow(json, DEFINITIONS);
  assert.deepEqual(doubts, []);
  const prompt = writePrompt(document, DEFINITIONS);
  assert.deepEqual(prompt["1"].inputs, {
    before: "first", after: "last", "loras.0.lora_name": "b", "loras.0.strength": 0.5, "loras.0.enabled": false,
    "loras.1.lora_name": "a", "loras.1.strength": ["2", 0], "loras.1.enabled": true,
  });
  const written = writeWorkflow(document, DEFINITIONS);
  assert.deepEqual(written.nodes.find((/** @type {any} */ node) => Number(node.id) === 1).widgets_values, values);
  assert.deepEqual(writePrompt(readWorkflow(written, DEFINITIONS).document, DEFINITIONS), prompt);
});

test("a prompt tells the number by the rows that it has, links among them", () => {
  const prompt = {
    1: { class_type: "Stack", inputs: { before: "x", "loras.0.lora_name": "a", "loras.1.strength": ["2", 0] } },
    2: { class_type: "Number", inputs: {} },
    3: { class_type: "Stack", inputs: {} },
  };
  const { document, doubts } = readPrompt(prompt, DEFINITIONS);
  assert.deepEqual(doubts, []);
  const counts = [...document.root.nodes.values()].filter((node) => node.type === "Stack").map((node) => node.values.loras);
  assert.deepEqual(counts, [2, 1]);
  const written = writePrompt(document, DEFINITIONS);
  assert.deepEqual(written["1"].inputs["loras.1.strength"], ["2", 0]);
  assert.equal(written["1"].inputs["loras.1.lora_name"], "a");
});
