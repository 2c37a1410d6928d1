/** What a workflow needs and is not there, and what could stand for it. */

import assert from "node:assert/strict";
import test from "node:test";

import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { findMissing, replaceValue } from "../../web/static/js/model/missing.js";
import { closest, likeness } from "../../web/static/js/model/likeness.js";
import { Store } from "../../web/static/js/model/store.js";
import { DEFINITIONS } from "./catalogue.js";

/** @param {any} fields */
const node = (fields) => ({ pos: [0, 0], size: [200, 100], flags: {}, order: 0, mode: 0, inputs: [], outputs: [], properties: {}, ...fields });
/** @param {any[]} nodes @param {any} [more] */
const opened = (nodes, more = {}) => new Store(readWorkflow({ nodes, links: [], ...more }, DEFINITIONS).document, DEFINITIONS);
/** @param {any} list */
const keys = (list) => list.map((/** @type {any} */ one) => [one.key, one.input]);

test("a type that nobody knows is named once, with its pack and what could stand for it", () => {
  const store = opened([
    node({ id: 1, type: "LatentUpscaler", inputs: [{ name: "samples", type: "LATENT", link: null }], outputs: [{ name: "LATENT", type: "LATENT", links: null }], properties: { cnr_id: "big-pack", ver: "1.2" } }),
    node({ id: 2, type: "LatentUpscaler" }), node({ id: 3, type: "Nothing Like It", properties: { aux_id: "someone/pack" } }),
  ]);
  const { types, models, words } = findMissing(store.document, store.definitions);
  assert.deepEqual(types.map(({ type, pack, nodes, alternatives }) => [type, pack, keys(nodes), alternatives]), [
    ["LatentUpscaler", { id: "big-pack", repository: null, version: "1.2" }, [["1", undefined], ["2", undefined]], ["LatentUpscale"]],
    ["Nothing Like It", { id: null, repository: "someone/pack", version: null }, [["3", undefined]], []],
  ]);
  assert.deepEqual([models, words], [[], []]);
});

test("a model is missing when no drop-down offers it; its file tells where it is from, its hash what it is", () => {
  const models = [{ name: "gone.safetensors", url: "https://example.org/gone", directory: "checkpoints", hash: "AB", hash_type: "SHA256" }];
  const store = opened([node({ id: 4, type: "CheckpointLoaderSimple", properties: { models }, widgets_values: ["sub/gone.safetensors"] })]);
  const installed = { checkpoints: ["a.safetensors", { name: "b.safetensors", hash: "ab" }], loras: ["gone-too.safetensors"] };
  const { models: [model, ...others], words } = findMissing(store.document, store.definitions, installed);
  assert.deepEqual([others, words], [[], []]);
  const { nodes, ...rest } = model;
  assert.deepEqual(rest, {
    name: "sub/gone.safetensors", folder: "checkpoints", url: "https://example.org/gone", hash: "ab", hashType: "SHA256", alternatives: ["b.safetensors"],
  });
  assert.deepEqual(keys(nodes), [["4", "ckpt_name"]]);
  store.run("replace", (change) => replaceValue(change, nodes, "b.safetensors"));
  assert.deepEqual(findMissing(store.document, store.definitions, installed).models, []);
});

test("a model that a file only names is missing unless some folder holds it", () => {
  const json = { models: [{ name: "fine-detail.safetensors", directory: "loras", url: 5 }, { name: 7 }, null] };
  const store = opened([node({ id: 1, type: "CheckpointLoaderSimple", widgets_values: ["a.safetensors"], properties: { models: [{ name: "a.safetensors" }] } })], json);
  const names = (/** @type {any} */ installed) => findMissing(store.document, store.definitions, installed).models.map((model) => [model.name, model.folder, model.url, ...model.alternatives]);
  assert.deepEqual(names({ loras: ["sub/fine_details.safetensors"] }), [["fine-detail.safetensors", "loras", null, "sub/fine_details.safetensors"]]);
  assert.deepEqual(names({ loras: ["sub/fine-detail.safetensors"] }), []);
});

test("a word that a drop-down lacks comes with words like it", () => {
  const values = { seed: 1, steps: 1, cfg: 1, sampler_name: "eulr", scheduler: "normal", denoise: 1 };
  const store = opened([node({ id: 1, type: "KSampler", widgets_values: values })]);
  const { words } = findMissing(store.document, store.definitions);
  assert.deepEqual(words.map(({ value, nodes, alternatives }) => [value, keys(nodes), alternatives]), [["eulr", [["1", "sampler_name"]], ["euler"]]]);
});

test("names are like each other by what they share", () => {
  assert.equal(likeness("Load Image", "load_image"), 1);
  assert.equal(likeness("abc", "xyz"), 0);
  assert.equal(likeness("", "a"), 0);
  assert.deepEqual(closest("sd15-v1", ["flux", "sd15_v2", "sd15 v1.safetensors"], 2), ["sd15 v1.safetensors", "sd15_v2"]);
});
