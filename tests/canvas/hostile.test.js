/** Files that mean harm or were damaged: they are opened with doubts, say the same when saved again, and harm nothing. */

import assert from "node:assert/strict";
import test from "node:test";

import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { openFile } from "../../web/static/js/model/io/files.js";
import { openJson } from "../../web/static/js/model/io/open.js";
import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { findMissing } from "../../web/static/js/model/missing.js";
import { Store } from "../../web/static/js/model/store.js";
import { starterWorkflow } from "../../web/static/js/model/starter.js";
import { DEFINITIONS, pick, randomness } from "./catalogue.js";
import { assertSound, fullFile } from "./sound.js";

const STRANGE = [
  null, true, false, 0, -1, 7, 1.5, -0.5, 1e308, -1e308, 2 ** 53, "", "x", "-1", "__proto__", "constructor", "toString", "c", "KSampler", "sfumato/entry",
  "sfumato/exit", "x".repeat(5000), [], [[]], [null], [1, 2], {}, { 0: 5, 1: 6 }, { length: 3 }, { "-1": 1 }, [-10, 0], "Infinity",
];
const NAMES = ["__proto__", "constructor", "prototype", "hasOwnProperty", "toString", "-1", "id"];

/** Every place of some JSON. @param {any} json @returns {{owner: any, name: string}[]} */
function places(json) {
  const found = [];
  const waiting = [json];
  for (const owner of waiting) {
    for (const name of Object.keys(owner)) {
      found.push({ owner, name });
      if (owner[name] && typeof owner[name] === "object") waiting.push(owner[name]);
    }
  }
  return found;
}

/** Damages some JSON in one place. @param {any} json @param {() => number} random */
function damage(json, random) {
  const { owner, name } = pick(random, places(json));
  const way = Math.floor(random() * 5);
  const value = structuredClone(pick(random, STRANGE));
  if (way === 0 && Array.isArray(owner)) owner.splice(Number(name), 1);
  else if (way === 0) delete owner[name];
  else if (way === 1 && Array.isArray(owner)) owner.push(structuredClone(owner[Number(name)]));
  else if (way === 2 && !Array.isArray(owner)) Object.defineProperty(owner, pick(random, NAMES), { value, enumerable: true, configurable: true, writable: true });
  else if (way === 3) owner[name] = structuredClone(pick(random, places(json)).owner);
  else owner[name] = value;
}

/** @param {any} json */
const text = (json) => JSON.stringify(json, (_name, value) => (typeof value === "bigint" ? `${value}n` : value));

test("damaged files are opened, sound, and say the same when saved and opened again", () => {
  for (let seed = 1; seed <= 500; seed += 1) {
    const random = randomness(seed);
    const json = pick(random, [fullFile, fullFile, starterWorkflow])();
    for (let count = Math.ceil(random() * 4); count > 0; count -= 1) damage(json, random);
    if (!Array.isArray(json.nodes)) continue;
    const what = `seed ${seed}`;
    try {
      const { document } = readWorkflow(json, DEFINITIONS);
      assertSound(document, what);
      const first = JSON.parse(text(writeWorkflow(document, DEFINITIONS)));
      const again = readWorkflow(first, DEFINITIONS);
      assertSound(again.document, what);
      assert.deepEqual(JSON.parse(text(writeWorkflow(again.document, DEFINITIONS))), first, what);
      const store = new Store(document, DEFINITIONS);
      findMissing(document, store.definitions, { loras: ["a.safetensors"] });
      assert.equal(exported(document), exported(again.document), what);
    } catch (error) {
      throw new Error(`${what}: ${error instanceof Error ? error.stack : error}`);
    }
  }
  assert.deepEqual(Object.keys(Object.prototype), []);
});

/** @param {import("../../web/static/js/model/document.js").Document} document @returns {string} the prompt, or the sentence that refuses it */
function exported(document) {
  try {
    return text(Object.entries(writePrompt(document, DEFINITIONS)).sort());
  } catch (error) {
    if (!/contains itself/.test(String(error))) throw error;
    return "contains itself";
  }
}

test("damaged prompts are opened too", () => {
  const prompt = writePrompt(readWorkflow(fullFile(), DEFINITIONS).document, DEFINITIONS);
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = randomness(seed);
    const json = structuredClone(prompt);
    for (let count = Math.ceil(random() * 4); count > 0; count -= 1) damage(json, random);
    try {
      assertSound(openJson(json, DEFINITIONS).document, `seed ${seed}`);
    } catch (error) {
      if (!/neither a workflow nor a prompt/.test(String(error))) throw new Error(`seed ${seed}: ${error}`);
    }
  }
});

test("what the whole file says survives, and only what cannot be placed is doubted", () => {
  const { document, doubts } = readWorkflow(fullFile(), DEFINITIONS);
  assertSound(document, "full");
  assert.deepEqual(doubts, []);
  const prompt = writePrompt(document, DEFINITIONS);
  assert.deepEqual(Object.keys(prompt).sort(), ["1:2:2:2", "2:2:2:2", "3", "6"]);
  assert.equal(prompt["1:2:2:2"].inputs.width, 128);
  assert.equal(prompt["2:2:2:2"].inputs.width, 256);
  assert.deepEqual(prompt["3"].inputs.latent_image, ["1:2:2:2", 0]);
  assert.equal(prompt["3"].inputs.steps, 17);
  const written = writeWorkflow(document, DEFINITIONS);
  assert.deepEqual(written.nodes.find((/** @type {any} */ node) => node.id === 6), { ...fullFile().nodes[5], order: 8, outputs: [{ name: "OUT", type: "ODD", links: null }] });
});

test("names that every object has, keys that two nodes have, and numbers that are none are doubted", () => {
  const json = JSON.parse(`{"nodes": [
    {"id": 1, "type": "KSampler", "pos": [1e999, 0], "widgets_values": {"__proto__": {"polluted": 1}, "steps": 9, "constructor": 3}},
    {"id": 1, "type": "__proto__", "pos": "here", "size": [5, -3], "title": "${"t".repeat(5000)}", "inputs": [{"name": "__proto__", "type": "X", "link": 1}]},
    {"id": "__proto__", "type": "X", "outputs": [{"name": "o", "type": "X"}]}, {"id": null, "type": "X"}, 5, {"type": "sfumato/entry", "id": 4}
  ], "links": [[1, "__proto__", 0, 1, 0, "X"], [2, 99, 0, 1, 0, "X"], "x", null]}`);
  const { document, doubts } = readWorkflow(json, DEFINITIONS);
  assertSound(document, "names");
  assert.equal(document.root.nodes.size, 4);
  const first = /** @type {any} */ (document.root.nodeByKey("1"));
  assert.equal(first.values.steps, 9);
  assert.equal(/** @type {any} */ ({}).polluted, undefined);
  assert.ok(doubts.length >= 8, doubts.map((doubt) => doubt.text).join("\n"));
  assert.ok([...document.root.nodes.values()].every((node) => (node.title ?? "").length <= 1000));
});

test("subgraphs that hold themselves are opened with a doubt; ones that multiply are not written without end", () => {
  const json = fullFile();
  json.definitions.subgraphs[2].nodes.push({ ...json.nodes[0], id: 9 });
  const { document, doubts } = readWorkflow(json, DEFINITIONS);
  assert.match(doubts.map((doubt) => doubt.text).join(), /contains itself/);
  assert.throws(() => writePrompt(document, DEFINITIONS), /contains itself/);
  const bomb = fullFile();
  bomb.definitions.subgraphs = Array.from({ length: 12 }, (_none, level) => ({
    ...bomb.definitions.subgraphs[0], id: level === 0 ? "c" : `s${level}`, links: [], inputs: [], outputs: [],
    nodes: Array.from({ length: 10 }, (_none, index) => ({ id: index + 1, type: level === 11 ? "KSampler" : `s${level + 1}`, pos: [0, 0], size: [1, 1] })),
  }));
  const opened = readWorkflow(bomb, DEFINITIONS);
  assert.throws(() => writePrompt(opened.document, DEFINITIONS), /more than 20000 subgraphs/);
});

test("words that JSON does not have are read as nothing, but not inside texts", async () => {
  const source = '{"nodes": [{"id": 1, "type": "CLIPTextEncode", "pos": [NaN, -Infinity], "widgets_values": ["say \\"NaN\\" or Infinity"]}], "links": []}';
  const opened = await openFile(new Blob([source]), DEFINITIONS);
  const [node] = /** @type {any} */ (opened).document.root.nodes.values();
  assert.deepEqual([node.values.text, node.position], ['say "NaN" or Infinity', [0, 0]]);
});

test("a file with a million nodes is refused before it holds the page up", () => {
  const nodes = Array.from({ length: 1_000_000 }, (_none, index) => ({ id: index + 1, type: "KSampler" }));
  assert.throws(() => openJson({ nodes, links: [], version: 0.4 }, DEFINITIONS), /1000000 nodes; 100000 are the most/);
  assert.throws(() => openJson({ nodes: [], links: [], definitions: { subgraphs: [{ id: "s", nodes, links: [] }] } }, DEFINITIONS), /the most/);
  assert.throws(() => openJson(Object.fromEntries(nodes.slice(0, 100_001).map(({ id }) => [id, { class_type: "X", inputs: {} }])), DEFINITIONS), /the most/);
});
