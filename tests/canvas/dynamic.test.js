/** Drop-downs whose words bring inputs, rows of sockets that grow, sockets that take any type. */

import assert from "node:assert/strict";
import test from "node:test";

import { addNode, chooseWord, connect, setValue } from "../../web/static/js/model/commands.js";
import { readCatalogue } from "../../web/static/js/model/definitions.js";
import { Document, Transaction } from "../../web/static/js/model/document.js";
import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { readPrompt } from "../../web/static/js/model/io/prompt.js";
import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { slotsOf } from "../../web/static/js/model/slots.js";

const SIDE = ["INT", { default: 512, min: 0, max: 16384 }];
const IMAGE = { input: { required: { color: ["INT", { default: 0 }] } }, output: ["IMAGE"] };
const RESIZE = {
  input: {
    required: {
      input: ["COMFY_MATCHTYPE_V3", { template: { template_id: "T", allowed_types: "IMAGE,MASK" } }],
      resize_type: ["COMFY_DYNAMICCOMBO_V3", { options: [
        { key: "width", inputs: { required: { width: SIDE } } },
        { key: "both", inputs: { required: { width: SIDE, height: SIDE, crop: [["disabled", "center"], { default: "center" }] } } },
        { key: "match", inputs: { required: { match: ["IMAGE,MASK", {}] } } },
      ] }],
      scale_method: [["area", "lanczos"], { default: "area" }],
    },
  },
  output: ["COMFY_MATCHTYPE_V3"], output_name: ["resized"],
};
const BATCH = {
  input: { required: { images: ["COMFY_AUTOGROW_V3", { template: { input: { required: { image: ["IMAGE", {}] } }, prefix: "image", min: 2, max: 4 } }] } },
  output: ["IMAGE"],
};
const NEST = {
  input: { required: { format: ["COMFY_DYNAMICCOMBO_V3", { options: [
    { key: "still", inputs: { required: {} } },
    { key: "film", inputs: { required: { mode: ["COMFY_DYNAMICCOMBO_V3", { options: [
      { key: "once", inputs: { required: {} } }, { key: "loop", inputs: { required: { count: ["INT", { default: 3 }] } } },
    ] }], quality: ["INT", { default: 9 }] } } },
  ] }], name: ["STRING", { default: "x" }] } },
  output: [], output_node: true,
};
const DEFINITIONS = readCatalogue({ Image: IMAGE, Resize: RESIZE, Batch: BATCH, Nest: NEST });

/** @param {string[]} types */
function made(...types) {
  const document = new Document("d");
  const change = new Transaction(document);
  const nodes = types.map((type, index) => addNode(change, /** @type {any} */ (DEFINITIONS.get(type)), [index * 300, 0]));
  return { document, change, ids: nodes.map((node) => node.id) };
}

/** @param {any} change @param {string} id */
const names = (change, id) => slotsOf(DEFINITIONS, change.node(id)).inputs.map((slot) => slot.name);

test("a word brings its inputs, with their start values, between the inputs around it", () => {
  const { document, change, ids: [image, resize] } = made("Image", "Resize");
  assert.deepEqual(names(change, resize), ["input", "resize_type", "resize_type.width", "scale_method"]);
  assert.equal(slotsOf(DEFINITIONS, change.node(resize)).inputs[2].label, "width");
  connect(change, DEFINITIONS, image, 0, resize, "input");
  setValue(change, resize, "resize_type.width", 64);
  chooseWord(change, DEFINITIONS, resize, "resize_type", "both");
  assert.deepEqual(names(change, resize).slice(1, -1), ["resize_type", "resize_type.width", "resize_type.height", "resize_type.crop"]);
  const { inputs } = writePrompt(document, DEFINITIONS)["2"];
  assert.deepEqual(inputs, {
    input: ["1", 0], resize_type: "both", "resize_type.width": 64, "resize_type.height": 512, "resize_type.crop": "center",
    scale_method: "area",
  });
});

test("a word may bring a socket, and nothing of other words is sent", () => {
  const { document, change, ids: [image, resize] } = made("Image", "Resize");
  chooseWord(change, DEFINITIONS, resize, "resize_type", "match");
  connect(change, DEFINITIONS, image, 0, resize, "resize_type.match");
  const sent = () => writePrompt(document, DEFINITIONS)["2"].inputs;
  assert.deepEqual(sent(), { resize_type: "match", "resize_type.match": ["1", 0], scale_method: "area" });
});

test("a row of sockets grows with its links and keeps one to spare, up to its end", () => {
  const { document, change, ids: [image, batch] } = made("Image", "Batch");
  assert.deepEqual(names(change, batch), ["images.image0", "images.image1"]);
  for (const [index, count] of [[0, 2], [1, 3], [2, 4], [3, 4]]) {
    connect(change, DEFINITIONS, image, 0, batch, `images.image${index}`);
    assert.equal(names(change, batch).length, count);
  }
  assert.deepEqual(Object.keys(writePrompt(document, DEFINITIONS)["2"].inputs), [0, 1, 2, 3].map((index) => `images.image${index}`));
});

test("values by position find their names and are written back in the same order", () => {
  const json = {
    version: 0.4, last_node_id: 4, last_link_id: 2, groups: [],
    nodes: [
      { id: 1, type: "Image", pos: [0, 0], size: [200, 80], inputs: [], outputs: [{ name: "IMAGE", type: "IMAGE", links: [1, 2] }], widgets_values: [7] },
      { id: 2, type: "Resize", pos: [300, 0], size: [200, 80], inputs: [{ name: "input", type: "IMAGE,MASK", link: 1 }],
        outputs: [{ name: "resized", type: "*", links: null }], widgets_values: ["both", 32, 16, "disabled", "lanczos"] },
      { id: 3, type: "Batch", pos: [300, 200], size: [200, 80], outputs: [{ name: "IMAGE", type: "IMAGE", links: null }],
        inputs: ["image0", "image1", "image2"].map((name, index) => ({ name: `images.${name}`, type: "IMAGE", link: index === 1 ? 2 : null })) },
      { id: 4, type: "Nest", pos: [600, 0], size: [200, 80], inputs: [], outputs: [], widgets_values: ["film", "loop", 5, 8, "y"] },
    ],
    links: [[1, 1, 0, 2, 0, "IMAGE"], [2, 1, 0, 3, 1, "IMAGE"]],
  };
  const { document, doubts } = readWorkflow(json, DEFINITIONS);
  assert.deepEqual(doubts, []);
  const prompt = writePrompt(document, DEFINITIONS);
  assert.deepEqual(prompt["2"].inputs, {
    input: ["1", 0], resize_type: "both", "resize_type.width": 32, "resize_type.height": 16, "resize_type.crop": "disabled",
    scale_method: "lanczos",
  });
  assert.deepEqual(prompt["3"].inputs, { "images.image1": ["1", 0] });
  assert.deepEqual(prompt["4"].inputs, { format: "film", "format.mode": "loop", "format.mode.count": 5, "format.quality": 8, name: "y" });
  const written = writeWorkflow(document, DEFINITIONS);
  const of = (/** @type {number} */ id) => written.nodes.find((/** @type {any} */ node) => Number(node.id) === id);
  assert.deepEqual(of(2).widgets_values, ["both", 32, 16, "disabled", "lanczos"]);
  assert.deepEqual(of(4).widgets_values, ["film", "loop", 5, 8, "y"]);
  assert.deepEqual(of(3).inputs.map((/** @type {any} */ slot) => slot.name), ["images.image0", "images.image1", "images.image2"]);
  const again = readWorkflow(written, DEFINITIONS).document;
  assert.deepEqual(writePrompt(again, DEFINITIONS), prompt);
});

test("values of a word that is no longer chosen are not written", () => {
  const { document, change, ids: [resize] } = made("Resize");
  chooseWord(change, DEFINITIONS, resize, "resize_type", "both");
  chooseWord(change, DEFINITIONS, resize, "resize_type", "width");
  assert.deepEqual(writeWorkflow(document, DEFINITIONS).nodes[0].widgets_values, ["width", 512, "area"]);
});

test("a prompt opens with its words and its rows", () => {
  const prompt = {
    1: { class_type: "Image", inputs: { color: 3 } },
    2: { class_type: "Batch", inputs: { "images.image0": ["1", 0], "images.image2": ["1", 0] } },
    3: { class_type: "Nest", inputs: { format: "film", "format.mode": "loop", "format.mode.count": 2, "format.quality": 1, name: "n" } },
  };
  const { document } = readPrompt(prompt, DEFINITIONS);
  const written = writePrompt(document, DEFINITIONS);
  for (const [key, { inputs }] of Object.entries(prompt)) assert.deepEqual(written[key].inputs, inputs);
});

test("a colour is typed, and any output fits a socket that takes after its link", () => {
  const definitions = readCatalogue({
    Pad: { input: { required: { color: ["COLOR", { default: "#000000" }] } }, output: [] },
    Switch: { input: { required: { on: ["COMFY_MATCHTYPE_V3", { template: { template_id: "T", allowed_types: "*" } }] } }, output: ["COMFY_MATCHTYPE_V3"] },
  });
  assert.equal(definitions.get("Pad")?.inputs[0].widget?.fallback, "#000000");
  assert.deepEqual([definitions.get("Switch")?.inputs[0].type, definitions.get("Switch")?.outputs[0].type], ["*", "*"]);
});
