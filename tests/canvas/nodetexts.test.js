/** Node types in other languages: by the words of the page and of packs, and nothing is lost where a word is not known. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { definitionOf } from "../../web/static/js/model/definitions.js";
import { wording } from "../../web/static/js/model/nodetexts.js";
import { DEFINITIONS } from "./catalogue.js";

const GERMAN = JSON.parse(readFileSync(new URL("../../web/static/languages/nodes.de.json", import.meta.url), "utf8"));

test("names, inputs and categories are those of the language; types, names of inputs and values stay", () => {
  const before = /** @type {any} */ (DEFINITIONS.get("KSampler"));
  const after = wording([{ nodes: undefined }, GERMAN])(before);
  assert.equal(after.name, "Sampler");
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

test("every German word is a word", () => {
  for (const { display_name: name, description } of Object.values(GERMAN.nodes)) assert.ok(name.trim() && description.trim());
  for (const word of [...Object.values(GERMAN.inputs), ...Object.values(GERMAN.categories)]) assert.ok(word.trim());
  assert.ok(Object.keys(GERMAN.nodes).length >= 60);
});
