/** Node types in other languages: by the words of the page and of packs, and nothing is lost where a word is not known. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { tendNodeTexts } from "../../web/static/js/commands/nodetexts.js";
import { VIRTUAL, definitionOf, liveInputs, setWording } from "../../web/static/js/model/definitions.js";
import { wording } from "../../web/static/js/model/nodetexts.js";
import { DEFINITIONS } from "./catalogue.js";

/** @param {string} language */
const texts = (language) => JSON.parse(readFileSync(new URL(`../../web/static/languages/nodes.${language}.json`, import.meta.url), "utf8"));
const GERMAN = texts("de");

test("names, inputs and categories are those of the language; types, names of inputs and values stay", () => {
  const before = /** @type {any} */ (DEFINITIONS.get("KSampler"));
  const after = wording([{ nodes: undefined }, GERMAN])(before);
  assert.deepEqual([after.name, after.outputs[0].label], [GERMAN.nodes.KSampler.display_name, "Latent"]);
  assert.equal(after.inputs.find(({ name }) => name === "steps")?.label, "Schritte");
  assert.deepEqual(after.inputs.map(({ name, type, widget }) => [name, type, widget]), before.inputs.map((/** @type {any} */ one) => [one.name, one.type, one.widget]));
  const unknown = definitionOf("constructor", { input: { required: { toString: ["INT", {}] } }, output: ["INT"], category: "hasOwnProperty/loaders" });
  const same = wording([GERMAN])(unknown);
  assert.deepEqual([same.name, same.category, same.inputs[0].label], ["constructor", "hasOwnProperty/Laden", "toString"]);
});

test("the words of packs come before those of the page, and whatever stands in them is harmless", () => {
  const nodes = { KSampler: { display_name: "Zieher", inputs: { seed: { name: "Saat", tooltip: "woher" }, steps: 3 }, outputs: { 0: { name: "Ergebnis" }, 1: 4 } }, VAEDecode: 7 };
  const say = wording([{ nodes }, GERMAN]);
  const sampler = say(/** @type {any} */ (DEFINITIONS.get("KSampler")));
  assert.deepEqual([sampler.name, sampler.outputs[0].label], ["Zieher", "Ergebnis"]);
  assert.deepEqual(sampler.inputs.filter(({ name }) => name === "seed").map(({ label, tooltip }) => [label, tooltip]), [["Saat", "woher"]]);
  assert.equal(wording([{ nodes: /** @type {any} */ (3) }])(/** @type {any} */ (DEFINITIONS.get("KSampler"))).name, DEFINITIONS.get("KSampler")?.name);
});

test("what has a number is called like what has none, in rows that grow too; letters stay; what is said of inputs is said in the language", () => {
  const say = wording([{ inputs: { picture: "Bild", blocks: "Block", input: "Eingang", a: "Ah", "out.": "Ausgang" }, outputs: { IMAGE: "Bild" }, tooltips: { "some.": "Etwas." } }]);
  const row = { template: { input: { required: { picture: ["IMAGE", { tooltip: "some." }] } }, prefix: "picture", min: 2, max: 9 } };
  const letters = { template: { input: { required: { value: ["INT", {}] } }, names: ["a", "b"], min: 2 } };
  const definition = say(definitionOf("Row", {
    input: { required: { pictures: ["COMFY_AUTOGROW_V3", row], letters: ["COMFY_AUTOGROW_V3", letters], picture_2: ["IMAGE", { tooltip: "some." }], "picture 3": ["IMAGE", {}], "blocks.4.": ["FLOAT", {}],
      "out.": ["FLOAT", {}], choice: ["COMFY_DYNAMICCOMBO_V3", { options: [{ key: "x", inputs: { required: { input: ["INT", {}], other7: ["INT", {}] } } }] }] } },
    output: ["IMAGE", "INT", "INT"], output_name: ["IMAGE", "input", "constructor"],
  }));
  assert.deepEqual(liveInputs(definition, { values: {} }).map(({ label }) => label),
    ["Bild 0", "Bild 1", "a", "b", "Bild 2", "Bild 3", "Block 4", "Ausgang", "choice", "Eingang", "other7"]);
  assert.deepEqual(liveInputs(definition, { values: {} }).map(({ tooltip }) => tooltip), ["Etwas.", "Etwas.", "", "", "Etwas.", "", "", "", "", "", ""]);
  assert.deepEqual(definition.outputs.map(({ label }) => label), ["Bild", "Eingang", undefined]);
});

test("inputs that are named like a path keep their name", () => {
  const definition = definitionOf("Blocks", { input: { required: { "blocks.0.": ["FLOAT", {}] } }, output: [] });
  assert.deepEqual(definition.inputs.map(({ name, label }) => [name, label]), [["blocks.0.", "blocks.0."]]);
});

for (const language of ["de", "fr"]) {
  test(`${language}: every word is a word, and the page's own nodes have theirs`, () => {
    const { nodes, tooltips, inputs, outputs, categories } = texts(language);
    for (const [type, { display_name: name, description }] of Object.entries(nodes)) assert.ok(name.trim() && description.trim().endsWith("."), type);
    for (const word of [tooltips, inputs, outputs, categories].flatMap((one) => Object.values(one))) assert.ok(word.trim());
    assert.deepEqual([...VIRTUAL.keys()].filter((type) => !Object.hasOwn(nodes, type)), []);
  });
}

/** What the page asks for in a language, and what it calls a node then. @param {string} language @param {number} status @returns {Promise<[string[], string]>} */
async function shownIn(language, status) {
  /** @type {string[]} */
  const asked = [];
  const former = globalThis.fetch;
  /** @type {any} */ (globalThis).document = { documentElement: { lang: language } };
  globalThis.fetch = async (/** @type {any} */ address) => {
    const name = String(address).split("/").at(-1) ?? "";
    if (name.startsWith("nodes.")) asked.push(name);
    return new globalThis.Response(name.startsWith("nodes.") && status === 200 ? JSON.stringify(texts(language)) : "{}", { status: name.startsWith("nodes.") ? status : 200 });
  };
  const store = { catalogue: DEFINITIONS, define: (/** @type {any} */ all) => void (store.catalogue = all) };
  try {
    await tendNodeTexts(/** @type {any} */ ({ settings: { define: () => undefined, get: () => true }, store }));
  } finally {
    globalThis.fetch = former;
    delete (/** @type {any} */ (globalThis)).document;
    setWording((definition) => definition);
  }
  return [asked, store.catalogue.get("CheckpointLoaderSimple")?.name ?? ""];
}

test("words of nodes are asked for in their language alone; without the file they are English", async () => {
  assert.deepEqual(await shownIn("en", 200), [[], "Load Checkpoint"]);
  assert.deepEqual(await shownIn("de", 200), [["nodes.de.json"], "Checkpoint laden"]);
  assert.deepEqual(await shownIn("fr", 200), [["nodes.fr.json"], "Charger un checkpoint"]);
  assert.deepEqual(await shownIn("fr", 404), [["nodes.fr.json"], "Load Checkpoint"]);
});
