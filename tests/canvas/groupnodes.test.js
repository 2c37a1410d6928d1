/** Group nodes of older files: opened as subgraphs that run as they did. */

import assert from "node:assert/strict";
import test from "node:test";

import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { openJson } from "../../web/static/js/model/io/open.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { DEFINITIONS } from "./catalogue.js";

const slot = (/** @type {string} */ name, type = name.toUpperCase()) => ({ name, type, link: null });
const GROUP = {
  nodes: [
    { index: 0, type: "CLIPTextEncode", pos: [10, 10], size: [200, 100], inputs: [slot("clip")], outputs: [slot("CONDITIONING")], widgets_values: ["old"] },
    {
      index: 1, type: "KSampler", pos: [300, 10], size: [200, 200], outputs: [slot("LATENT")],
      inputs: [slot("model"), slot("positive", "CONDITIONING"), slot("negative", "CONDITIONING"), slot("latent_image", "LATENT")],
      widgets_values: [1, "fixed", 20, 8, "euler", "normal", 1],
    },
  ],
  links: [[0, 0, 1, 1, 7, "CONDITIONING"], [0, 0, 1, 2, 8, "CONDITIONING"]], external: [[0, 0, "CONDITIONING"]],
  config: { 1: { input: { denoise: { visible: false } } } },
};

function file() {
  return {
    version: 0.4, last_node_id: 4, last_link_id: 5,
    nodes: [
      { id: 1, type: "CheckpointLoaderSimple", pos: [0, 0], size: [200, 100], inputs: [], outputs: [slot("MODEL"), slot("CLIP"), slot("VAE")], widgets_values: ["a.safetensors"] },
      { id: 2, type: "EmptyLatentImage", pos: [0, 200], size: [200, 100], inputs: [], outputs: [slot("LATENT")], widgets_values: [64, 32, 1] },
      {
        id: 3, type: "workflow>Prompt and sample", title: "Prompt and sample", pos: [400, 0], size: [300, 300], mode: 0,
        inputs: [{ ...slot("clip"), link: 1 }, { ...slot("model"), link: 2 }, { ...slot("latent_image", "LATENT"), link: 3 }],
        outputs: [slot("CONDITIONING"), slot("LATENT")], widgets_values: ["a cat", 5, "increment", 12, 7, "heun", "karras"],
      },
      { id: 4, type: "LatentUpscale", pos: [800, 0], size: [200, 100], inputs: [{ ...slot("samples", "LATENT"), link: 4 }], outputs: [slot("LATENT")], widgets_values: [96] },
    ],
    links: [[1, 1, 1, 3, 0, "CLIP"], [2, 1, 0, 3, 1, "MODEL"], [3, 2, 0, 3, 2, "LATENT"], [4, 3, 1, 4, 0, "LATENT"]],
    extra: { groupNodes: { "Prompt and sample": GROUP }, other: 1 },
  };
}

test("a group node becomes a subgraph with its values outside, and the prompt is that of its nodes", () => {
  const { document, doubts } = openJson(file(), DEFINITIONS);
  assert.deepEqual(doubts, []);
  assert.equal(document.subgraphs.size, 1);
  const prompt = writePrompt(document, DEFINITIONS);
  const entries = Object.entries(prompt);
  const [[samplerKey, sampler]] = entries.filter(([, { class_type: type }]) => type === "KSampler");
  const [[textKey, text]] = entries.filter(([, { class_type: type }]) => type === "CLIPTextEncode");
  assert.deepEqual(text.inputs, { text: "a cat", clip: ["1", 1] });
  assert.deepEqual(sampler.inputs, {
    model: ["1", 0], positive: [textKey, 0], negative: [textKey, 0], latent_image: ["2", 0], seed: 5, steps: 12, cfg: 7,
    sampler_name: "heun", scheduler: "karras", denoise: 1,
  });
  assert.deepEqual(prompt["4"].inputs.samples, [samplerKey, 0]);
  const [host] = [...document.root.nodes.values()].filter(({ type }) => document.subgraphs.has(type));
  assert.deepEqual(Object.values(host.values), ["a cat", 5, 12, 7, "heun", "karras"]);
  assert.equal(document.subgraphs.get(host.type)?.name, "Prompt and sample");
});

test("what was opened is saved as subgraphs and opened again the same", () => {
  const { document } = openJson(file(), DEFINITIONS);
  const saved = JSON.parse(JSON.stringify(writeWorkflow(document, DEFINITIONS)));
  assert.equal("groupNodes" in (saved.extra ?? {}), false);
  assert.equal(saved.extra.other, 1);
  const again = openJson(saved, DEFINITIONS);
  assert.deepEqual(again.doubts, []);
  assert.deepEqual(writePrompt(again.document, DEFINITIONS), writePrompt(document, DEFINITIONS));
});

test("two of one kind keep their own values, and one that nobody explains stays as it is", () => {
  const json = file();
  json.nodes.push({ ...json.nodes[2], id: 9, inputs: [], widgets_values: ["a dog"] });
  json.nodes.push({ ...json.nodes[2], id: 10, type: "workflow>Gone", inputs: [] });
  const { document } = openJson(json, DEFINITIONS);
  assert.equal(document.subgraphs.size, 2);
  const texts = Object.values(writePrompt(document, DEFINITIONS)).filter(({ class_type: type }) => type === "CLIPTextEncode").map(({ inputs }) => inputs.text);
  assert.deepEqual(texts.sort(), ["a cat", "a dog"]);
  assert.ok([...document.root.nodes.values()].some(({ type }) => type === "workflow>Gone"));
});
