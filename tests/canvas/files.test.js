/** Saving and opening: fixed points, tolerance, unknown nodes, prompts. */

import assert from "node:assert/strict";
import test from "node:test";

import { Document } from "../../web/static/js/model/document.js";
import { openJson } from "../../web/static/js/model/io/open.js";
import { readPrompt } from "../../web/static/js/model/io/prompt.js";
import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { starterDocument, starterWorkflow } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { DEFINITIONS, randomness } from "./catalogue.js";
import { step } from "./walk.js";

/** @param {any} json */
const saved = (json) => writeWorkflow(readWorkflow(json, DEFINITIONS).document, DEFINITIONS);

test("save, load, save is a fixed point for random documents", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = randomness(seed);
    const store = new Store(new Document("d"), DEFINITIONS);
    for (let count = 0; count < 60; count += 1) step(store, random);
    const first = JSON.parse(JSON.stringify(writeWorkflow(store.document, DEFINITIONS)));
    const { document, doubts } = readWorkflow(first, DEFINITIONS);
    assert.deepEqual(JSON.parse(JSON.stringify(writeWorkflow(document, DEFINITIONS))), first, `seed ${seed}`);
    assert.deepEqual(doubts.filter((doubt) => !doubt.text.includes("does not fit")), [], `seed ${seed}`);
    assert.deepEqual(writePrompt(document, DEFINITIONS), writePrompt(store.document, DEFINITIONS), `seed ${seed}`);
  }
});

test("the start graph survives saving, and its prompt says what it shows", () => {
  const document = starterDocument(DEFINITIONS);
  const json = writeWorkflow(document, DEFINITIONS);
  assert.deepEqual(saved(json), json);
  const prompt = writePrompt(document, DEFINITIONS);
  assert.deepEqual(prompt["3"].inputs, {
    model: ["4", 0], seed: 1, steps: 20, cfg: 7, sampler_name: "euler", scheduler: "normal", positive: ["6", 0],
    negative: ["7", 0], latent_image: ["5", 0], denoise: 1,
  });
  assert.equal(prompt["4"].inputs.ckpt_name, "a.safetensors");
});

test("values in a list are read by the order of the inputs, with the control after the seed", () => {
  const json = {
    nodes: [{ id: 1, type: "KSampler", pos: [0, 0], size: [1, 1], mode: 0, inputs: [], outputs: [], widgets_values: [5, "increment", 30, 4.5, "heun", "karras", 0.5] }],
    links: [], version: 0.4,
  };
  const [node] = readWorkflow(json, DEFINITIONS).document.root.nodes.values();
  assert.deepEqual({ ...node.values }, { seed: 5, steps: 30, cfg: 4.5, sampler_name: "heun", scheduler: "karras", denoise: 0.5 });
  assert.deepEqual({ ...node.controls }, { seed: "increment" });
});

test("too few values leave defaults, too many are dropped, null is the default, a wrong one is doubted", () => {
  const node = (/** @type {any[]} */ values) => ({ id: 1, type: "EmptyLatentImage", pos: { 0: 3, 1: 4 }, size: [1, 1], widgets_values: values });
  const read = (/** @type {any[]} */ values) => readWorkflow({ nodes: [node(values)], links: [] }, DEFINITIONS);
  const valuesOf = (/** @type {any} */ opened) => ({ ...[...opened.document.root.nodes.values()][0].values });
  assert.deepEqual(valuesOf(read([64])), { width: 64, height: 512, batch_size: 1 });
  assert.deepEqual(valuesOf(read([64, null, 2, "x", 9])), { width: 64, height: 512, batch_size: 2 });
  assert.match(read(["wide"]).doubts[0].text, /"width" holds "wide"/);
});

test("names win where a file gives as many of them as values", () => {
  const json = {
    nodes: [{ id: 1, type: "EmptyLatentImage", pos: [0, 0], size: [1, 1], widgets_values: [1, 64, 128], widgets_values_named: { batch_size: 1, width: 64, height: 128 } }],
    links: [],
  };
  const [node] = readWorkflow(json, DEFINITIONS).document.root.nodes.values();
  assert.deepEqual({ ...node.values }, { width: 64, height: 128, batch_size: 1 });
});

test("an unknown node keeps everything that its file said", () => {
  const unknown = {
    id: 12, type: "SomePack.Node", pos: [10, 20], size: [300, 200], flags: { pinned: true }, order: 1, mode: 3,
    inputs: [{ name: "image", type: "IMAGE", link: 1, shape: 7 }], outputs: [{ name: "OUT", type: "ODD", links: [2], slot_index: 0 }],
    properties: { cnr_id: "some-pack", models: [{ name: "m" }] }, widgets_values: [1, { deep: [2] }, "x"], color: "#232", bgcolor: "#353",
  };
  const json = {
    id: "w", nodes: [
      { id: 3, type: "LoadImage", pos: [0, 0], size: [200, 300], flags: {}, order: 0, mode: 0, inputs: [], outputs: [{ name: "IMAGE", type: "IMAGE", links: [1] }], properties: {}, widgets_values: ["x.png", "image"] },
      unknown,
      { id: 13, type: "Other", pos: [0, 0], size: [9, 9], flags: {}, order: 2, mode: 0, inputs: [{ name: "odd", type: "ODD", link: 2 }], outputs: [], properties: {} },
    ],
    links: [[1, 3, 0, 12, 0, "IMAGE"], [2, 12, 0, 13, 0, "ODD"]], groups: [{ id: 1, title: "G", bounding: [0, 0, 9, 9], color: "#fff", font_size: 24, flags: {} }],
    extra: { ds: { scale: 1 } }, definitions: { subgraphs: [{ id: "s" }] }, models: [1], version: 0.4,
  };
  const again = saved(json);
  assert.deepEqual(again.nodes[1], unknown);
  assert.deepEqual(again.links, json.links);
  assert.deepEqual([again.groups, again.extra, again.definitions, again.models], [json.groups, json.extra, json.definitions, json.models]);
});

test("links as objects are read as well, and a broken link is doubted and left out", () => {
  const json = starterWorkflow();
  json.links = json.links.map((/** @type {any[]} */ [id, origin_id, origin_slot, target_id, target_slot, type]) => ({ id, origin_id, origin_slot, target_id, target_slot, type }));
  json.links.push({ id: 99, origin_id: 500, origin_slot: 0, target_id: 3, target_slot: 0, type: "MODEL" });
  const { document, doubts } = readWorkflow(json, DEFINITIONS);
  assert.equal(document.root.links.size, 9);
  assert.equal(doubts.length, 1);
});

test("a prompt becomes a graph that says the same", () => {
  const prompt = writePrompt(starterDocument(DEFINITIONS), DEFINITIONS);
  const { document } = readPrompt(prompt, DEFINITIONS);
  assert.deepEqual(writePrompt(document, DEFINITIONS), prompt);
  const places = new Set([...document.root.nodes.values()].map((node) => node.position.join()));
  assert.equal(places.size, document.root.nodes.size);
  assert.deepEqual(writePrompt(openJson({ prompt }, DEFINITIONS).document, DEFINITIONS), prompt);
});

test("muted and bypassed nodes, reroutes and primitives are resolved in the prompt", () => {
  const slot = (/** @type {string} */ name, /** @type {string} */ type, /** @type {number} */ link) => ({ name, type, link });
  const json = {
    nodes: [
      { id: 1, type: "EmptyLatentImage", pos: [0, 0], size: [1, 1], mode: 0, inputs: [{ name: "width", type: "INT", link: 5, widget: { name: "width" } }], outputs: [{ name: "LATENT", type: "LATENT", links: [1] }], widgets_values: [64, 64, 1] },
      { id: 2, type: "LatentUpscale", pos: [0, 0], size: [1, 1], mode: 4, inputs: [slot("samples", "LATENT", 1)], outputs: [{ name: "LATENT", type: "LATENT", links: [2] }], widgets_values: [512] },
      { id: 3, type: "Reroute", pos: [0, 0], size: [1, 1], mode: 0, inputs: [slot("", "*", 2)], outputs: [{ name: "", type: "LATENT", links: [3] }] },
      { id: 4, type: "VAEDecode", pos: [0, 0], size: [1, 1], mode: 0, inputs: [slot("samples", "LATENT", 3), slot("vae", "VAE", 4)], outputs: [{ name: "IMAGE", type: "IMAGE", links: null }] },
      { id: 5, type: "CheckpointLoaderSimple", pos: [0, 0], size: [1, 1], mode: 2, inputs: [], outputs: [{ name: "MODEL", type: "MODEL" }, { name: "CLIP", type: "CLIP" }, { name: "VAE", type: "VAE", links: [4] }], widgets_values: ["a.safetensors"] },
      { id: 6, type: "PrimitiveNode", pos: [0, 0], size: [1, 1], mode: 0, inputs: [], outputs: [{ name: "INT", type: "INT", links: [5] }], widgets_values: [96, "fixed"] },
      { id: 7, type: "MarkdownNote", pos: [0, 0], size: [1, 1], mode: 0, inputs: [], outputs: [], widgets_values: ["# words"] },
    ],
    links: [[1, 1, 0, 2, 0, "LATENT"], [2, 2, 0, 3, 0, "LATENT"], [3, 3, 0, 4, 0, "LATENT"], [4, 5, 2, 4, 1, "VAE"], [5, 6, 0, 1, 0, "INT"]],
  };
  const { document } = readWorkflow(json, DEFINITIONS);
  const prompt = writePrompt(document, DEFINITIONS);
  assert.deepEqual(Object.keys(prompt), ["1", "4"]);
  assert.deepEqual(prompt["4"].inputs, { samples: ["1", 0] });
  assert.equal(prompt["1"].inputs.width, 96);
  assert.deepEqual(saved(json).nodes[6].widgets_values, ["# words"]);
});

test("text that is no workflow is refused with a sentence", () => {
  assert.throws(() => openJson({ hello: 1 }, DEFINITIONS), /neither a workflow nor a prompt/);
  assert.throws(() => openJson([], DEFINITIONS), /neither/);
});
