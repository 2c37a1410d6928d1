/** Seeds, choices in prompts, typed numbers, search. */

import assert from "node:assert/strict";
import test from "node:test";

import { setControl } from "../../web/static/js/model/commands.js";
import { widget } from "../../web/static/js/model/definitions.js";
import { resolveChoices } from "../../web/static/js/model/prompts.js";
import { find } from "../../web/static/js/model/search.js";
import { nextSeed, rollSeeds } from "../../web/static/js/model/seeds.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { fitted, shownValue, typedNumber } from "../../web/static/js/widgets/values.js";
import { combination, Commands } from "../../web/static/js/commands/registry.js";
import { readFrame } from "../../web/static/js/engine/socket.js";
import { refusalProblems } from "../../web/static/js/engine/problems.js";
import { DEFINITIONS, randomness } from "./catalogue.js";

const SEED = widget({ kind: "int", min: 0, max: 10, seeded: true, step: 1 });

test("seeds count up and down and wrap at their limits", () => {
  assert.equal(nextSeed(3, "increment", SEED, Math.random), 4);
  assert.equal(nextSeed(10, "increment", SEED, Math.random), 0);
  assert.equal(nextSeed(0, "decrement", SEED, Math.random), 10);
  assert.equal(nextSeed(3, "fixed", SEED, Math.random), 3);
  const rolled = new Set(Array.from({ length: 200 }, () => nextSeed(0, "randomize", SEED, Math.random)));
  assert.equal(rolled.size, 11);
});

test("rolled seeds stay whole numbers that JSON keeps", () => {
  const wide = widget({ kind: "int", min: 0, max: 2 ** 64, seeded: true });
  const random = randomness(4);
  for (let count = 0; count < 100; count += 1) {
    assert.ok(Number.isSafeInteger(nextSeed(0, "randomize", wide, random)));
  }
});

test("a seed is rolled before the run only where it is not fixed, and undo gives it back", () => {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const seed = () => store.graph.nodeByKey("3")?.values.seed;
  store.run("roll", (change) => rollSeeds(change, DEFINITIONS, Math.random));
  assert.equal(seed(), 1);
  store.run("control", (change) => setControl(change, /** @type {any} */ (store.graph.nodeByKey("3")).id, "seed", "increment"));
  store.run("roll", (change) => rollSeeds(change, DEFINITIONS, Math.random));
  assert.equal(seed(), 2);
  store.undo();
  assert.equal(seed(), 1);
});

test("choices in a prompt take one branch, nested ones too, and comments go", () => {
  assert.equal(resolveChoices("a {red|blue} cat", () => 0), "a red cat");
  assert.equal(resolveChoices("a {red|{dark|light} blue} cat", () => 0.9), "a light blue cat");
  assert.equal(resolveChoices("a \\{b\\|c\\} // gone\nd /* x */e", () => 0), "a {b|c} \nd e");
  assert.equal(resolveChoices("open {a|b", () => 0), "open {a|b");
  assert.equal(resolveChoices("plain (text:1.2), https://x.y", () => 0), "plain (text:1.2), https://x.y");
});

test("numbers are brought into limits and shown with the decimals of their step", () => {
  const cfg = widget({ kind: "float", min: 0, max: 100, step: 0.1, round: 0.01 });
  assert.equal(shownValue(cfg, 7), "7.0");
  assert.equal(shownValue(cfg, 7.25), "7.25");
  assert.equal(fitted(cfg, 7.3333, false), 7.33);
  assert.equal(fitted(cfg, 700, false), 100);
  const size = widget({ kind: "int", min: 16, max: 16384, step: 8 });
  assert.equal(fitted(size, 131, true), 128);
  assert.equal(fitted(size, 131.4, false), 131);
  assert.equal(typedNumber("512*2"), 1024);
  assert.equal(typedNumber("1,5"), 1.5);
  assert.equal(typedNumber("six"), null);
});

test("search puts a beginning before a middle, and letters in order last", () => {
  const entries = ["Save Image", "Load Image", "KSampler", "KSampler (Advanced)", "VAE Decode"].map((name) => ({ item: name, fields: [name.toLowerCase()] }));
  assert.deepEqual(find(entries, "ksam"), ["KSampler", "KSampler (Advanced)"]);
  assert.equal(find(entries, "image load")[0], "Load Image");
  assert.equal(find(entries, "vd")[0], "VAE Decode");
  assert.equal(find(entries, "").length, 5);
  assert.deepEqual(find(entries, "zzz"), []);
});

test("keys are named the same however they are pressed, and letters never fire while typing", () => {
  const press = (/** @type {any} */ event) => ({ ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...event });
  assert.equal(combination(press({ key: "Z", ctrlKey: true, shiftKey: true })), "ctrl+shift+z");
  assert.equal(combination(press({ key: "Enter", metaKey: true })), "ctrl+enter");
  assert.equal(combination(press({ key: "?", shiftKey: true })), "?");
  const commands = new Commands();
  commands.add([{ id: "a", label: "A", keys: ["w"], run: () => undefined }, { id: "b", label: "B", keys: ["ctrl+s"], scope: "page", run: () => undefined }]);
  assert.equal(commands.match(press({ key: "w" }), true), undefined);
  assert.equal(commands.match(press({ key: "w" }), false)?.id, "a");
  assert.equal(commands.match(press({ key: "s", ctrlKey: true }), true)?.id, "b");
});

test("a preview frame with metadata names its node and its run", async () => {
  const about = new TextEncoder().encode(JSON.stringify({ node_id: "3", display_node_id: "3", prompt_id: "p", image_type: "image/png" }));
  const frame = new Uint8Array(8 + about.length + 2);
  new DataView(frame.buffer).setUint32(0, 4);
  new DataView(frame.buffer).setUint32(4, about.length);
  frame.set(about, 8);
  frame.set([7, 8], 8 + about.length);
  /** @type {any} */ let seen = null;
  readFrame(frame.buffer, { preview: (given) => (seen = given), text: () => undefined });
  assert.deepEqual([seen.key, seen.promptId, seen.blob.type], ["3", "p", "image/png"]);
  assert.deepEqual([...new Uint8Array(await seen.blob.arrayBuffer())], [7, 8]);
});

test("refusals of the server become sentences about a node and an input", () => {
  const body = {
    error: { type: "prompt_outputs_failed_validation", message: "Prompt outputs failed validation" },
    node_errors: { 9: { class_type: "SaveImage", errors: [{ type: "required_input_missing", message: "Required input is missing", extra_info: { input_name: "images" } }] } },
  };
  assert.deepEqual(refusalProblems(body, "x"), [{ key: "9", input: "images", title: "SaveImage", text: '"images" needs a link.', details: "" }]);
  assert.equal(refusalProblems({ error: { message: "Prompt has no outputs", details: "" } }, "x")[0].text, "Prompt has no outputs");
  assert.equal(refusalProblems(null, "No answer")[0].text, "No answer");
});
