/** Undo gives back exactly what was there, whatever was done. */

import assert from "node:assert/strict";
import test from "node:test";

import { addNode, connect, setValue } from "../../web/static/js/model/commands.js";
import { Document } from "../../web/static/js/model/document.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { DEFINITIONS, randomness } from "./catalogue.js";
import { snapshot, step } from "./walk.js";

test("undoing every command of a random sequence gives back the start, and redoing them the end", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = randomness(seed);
    const store = new Store(seed % 2 ? new Document("d") : starterDocument(DEFINITIONS), DEFINITIONS);
    let now = 0;
    store.clock = () => (now += random() * 2500);
    const start = snapshot(store);
    for (let count = 0; count < 60; count += 1) step(store, random);
    const end = snapshot(store);
    while (store.undo() !== null);
    assert.deepEqual(snapshot(store), start, `seed ${seed}`);
    while (store.redo() !== null);
    assert.deepEqual(snapshot(store), end, `seed ${seed}`);
  }
});

test("undo and redo between commands keep the document whole", () => {
  for (let seed = 100; seed < 130; seed += 1) {
    const random = randomness(seed);
    const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
    const start = snapshot(store);
    for (let count = 0; count < 80; count += 1) {
      if (random() < 0.3) store.undo();
      else if (random() < 0.2) store.redo();
      else step(store, random);
    }
    while (store.undo() !== null);
    assert.deepEqual(snapshot(store), start, `seed ${seed}`);
  }
});

test("a command that fails changes nothing", () => {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const before = snapshot(store);
  assert.throws(() => store.run("bad", (change) => {
    addNode(change, /** @type {any} */ (DEFINITIONS.get("VAEDecode")), [0, 0]);
    throw new Error("no");
  }), /no/);
  assert.deepEqual(snapshot(store), before);
  assert.equal(store.history.past.length, 0);
});

test("typing in one burst is one step, and a pause begins another", () => {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  let now = 0;
  store.clock = () => now;
  const node = /** @type {any} */ (store.graph.nodeByKey("6"));
  for (const text of ["a", "ab", "abc"]) store.run("type", (change) => setValue(change, node.id, "text", text), "text:1");
  now = 60_000;
  store.run("type", (change) => setValue(change, node.id, "text", "abcd"), "text:1");
  assert.equal(store.history.past.length, 2);
  store.undo();
  assert.equal(store.graph.nodeByKey("6")?.values.text, "abc");
  store.undo();
  assert.equal(store.graph.nodeByKey("6")?.values.text, node.values.text);
});

test("abandoning a gesture takes all of it back and leaves nothing to redo", () => {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const before = snapshot(store);
  const node = /** @type {any} */ (store.graph.nodeByKey("3"));
  for (let value = 1; value < 9; value += 1) store.run("drag", (change) => setValue(change, node.id, "steps", value), "drag:1");
  store.abandon("drag:1");
  assert.deepEqual(snapshot(store), before);
  assert.equal(store.redo(), null);
});

test("a new link takes the place of the one that was there, and undo brings it back", () => {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const [negative, sampler] = ["7", "3"].map((key) => /** @type {any} */ (store.graph.nodeByKey(key)));
  const before = store.graph.linkInto(sampler.id, "positive");
  store.run("connect", (change) => connect(change, DEFINITIONS, negative.id, 0, sampler.id, "positive"));
  assert.equal(store.graph.linkInto(sampler.id, "positive")?.from, negative.id);
  store.undo();
  assert.equal(store.graph.linkInto(sampler.id, "positive"), before);
});

test("undoing one edit in a graph of 1,000 nodes touches the one node", () => {
  const store = new Store(new Document("d"), DEFINITIONS);
  const definition = /** @type {any} */ (DEFINITIONS.get("KSampler"));
  const change = { name: "fill" };
  store.run(change.name, (transaction) => {
    for (let index = 0; index < 1000; index += 1) addNode(transaction, definition, [index, 0]);
  });
  const [node] = store.graph.nodes.values();
  store.run("set", (transaction) => setValue(transaction, node.id, "steps", 3));
  /** @type {string[]} */
  const touched = [];
  store.listen(({ patches }) => touched.push(...patches.map((patch) => /** @type {any} */ (patch).after.id)));
  store.undo();
  assert.deepEqual(touched, [node.id]);
});
