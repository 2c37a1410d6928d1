/** The library of node types: where they come from, the tree, filters, and what is found first. */

import assert from "node:assert/strict";
import test from "node:test";

import { Library, choicesOf, passes, sizeOf, sourceOf, treeOf } from "../../web/static/js/model/library.js";
import { readCatalogue } from "../../web/static/js/model/definitions.js";
import { find, folded } from "../../web/static/js/model/search.js";
import { CATALOGUE } from "./catalogue.js";

const PACK = {
  ...CATALOGUE,
  Sharpener: { input: { required: { image: ["IMAGE", {}] } }, output: ["IMAGE"], category: "image/filters", python_module: "custom_nodes.edges" },
  OldSharpener: { input: { required: { image: ["IMAGE", {}] } }, output: ["IMAGE"], category: "image/filters", python_module: "custom_nodes.edges", deprecated: true },
};
const DEFINITIONS = [...readCatalogue(PACK).values()];

test("types know whether a pack brought them", () => {
  const sources = new Map(DEFINITIONS.map((one) => [one.type, sourceOf(one)]));
  assert.equal(sources.get("Sharpener"), "edges");
  assert.equal(sources.get("KSampler"), "Sfumato");
  assert.equal(sources.get("Note"), "page");
});

test("the tree has each type once, and counts what lies below", () => {
  const root = treeOf(DEFINITIONS);
  assert.equal(sizeOf(root), DEFINITIONS.length);
  const image = root.folders.find(({ name }) => name === "image");
  const filters = image?.folders.find(({ path }) => path === "image/filters");
  assert.deepEqual(filters?.nodes.map(({ type }) => type), ["Sharpener", "OldSharpener"]);
});

test("filters go by the types of sockets and by pack", () => {
  const choices = choicesOf(DEFINITIONS);
  assert.ok(choices.inputs.includes("CONDITIONING") && !choices.inputs.includes("INT"));
  assert.deepEqual(choices.sources, ["edges", "page", "Sfumato"]);
  const fits = DEFINITIONS.filter((one) => passes(one, { input: "IMAGE", output: "IMAGE", source: "edges" }));
  assert.deepEqual(fits.map(({ type }) => type), ["Sharpener", "OldSharpener"]);
  assert.ok(!passes(/** @type {any} */ (DEFINITIONS.find(({ type }) => type === "KSampler")), { output: "IMAGE" }));
});

test("what was added often comes first, what is deprecated last, and ids are found too", () => {
  const library = new Library(DEFINITIONS, { KSampler: 9 });
  assert.equal(library.search("")[0].type, "KSampler");
  assert.deepEqual(library.search("sharp", { source: "edges" }).map(({ type }) => type), ["Sharpener", "OldSharpener"]);
  assert.equal(library.search("CLIPTextEncode")[0].type, "CLIPTextEncode");
  assert.deepEqual(library.search("edges sharp", { output: "LATENT" }), []);
});

test("words with digits, signs and letters of other alphabets are found, and a second search finds the same", () => {
  const entries = ["Größe 2x", "größe 3x", "ns_fw / 2", "Маска"].map((text) => ({ item: text, fields: [folded(text), "menu"] }));
  for (let round = 0; round < 2; round += 1) {
    for (const typed of ["grö", "Gro", "GRO\u0308"]) assert.deepEqual(find(entries, typed), ["Größe 2x", "größe 3x"]);
    assert.deepEqual(find(entries, "2"), ["Größe 2x", "ns_fw / 2"]);
    assert.deepEqual(find(entries, "маска menu"), ["Маска"]);
    assert.deepEqual(find(entries, "маски"), []);
    assert.deepEqual(find(entries, "", 2), ["Größe 2x", "größe 3x"]);
    assert.deepEqual(find(entries, "e", 3), ["Größe 2x", "größe 3x", "ns_fw / 2"]);
  }
});
