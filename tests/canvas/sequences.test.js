/** Random commands of every kind on random documents: always sound, always undone, always the same through a file. */

/** @import { Document } from "../../web/static/js/model/document.js" */

import assert from "node:assert/strict";
import test from "node:test";

import { isBoundary, removeSocket } from "../../web/static/js/model/commands.js";
import { formOf, addFormItem, removeFormItem, setForm } from "../../web/static/js/model/form.js";
import { suggestedForm } from "../../web/static/js/model/suggest.js";
import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { makeSubgraph, unpackSubgraph } from "../../web/static/js/model/nesting.js";
import { addPart, incomingOf, partOf } from "../../web/static/js/model/parts.js";
import { slotsOf } from "../../web/static/js/model/slots.js";
import { Store } from "../../web/static/js/model/store.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import * as wiring from "../../web/static/js/model/wiring.js";
import { DEFINITIONS, pick, randomness } from "./catalogue.js";
import { assertSound, fullFile } from "./sound.js";
import { snapshot, step } from "./walk.js";

/** Runs a command that may be refused with a sentence; a refusal must leave nothing behind. @param {Store} store @param {(change: any) => void} command */
function attempt(store, command) {
  const before = store.history.past.length;
  try {
    store.run("attempt", command);
  } catch (error) {
    if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError || !/^.{10,}\.$/.test(error.message)) throw error;
    assert.equal(store.history.past.length, before);
  }
}

/** One of the commands that change several links at once, travel, or change the form. @param {Store} store @param {() => number} random */
function bigStep(store, random) {
  const { graph, definitions } = store;
  const nodes = [...graph.nodes.values()].filter((node) => !isBoundary(node));
  const links = [...graph.links.values()];
  const reroutes = [...graph.reroutes.keys()];
  if (nodes.length < 2) return step(store, random);
  const [one, other] = [pick(random, nodes), pick(random, nodes)];
  const link = pick(random, links);
  const some = nodes.filter(() => random() < 0.3).map((node) => node.id);
  const input = (/** @type {any} */ node) => pick(random, slotsOf(definitions, node).inputs)?.name ?? "none";
  const slot = (/** @type {any} */ node) => Math.floor(random() * (slotsOf(definitions, node).outputs.length + 1));
  const moves = [
    () => attempt(store, (change) => wiring.connectNodes(change, definitions, one.id, other.id)),
    () => link && attempt(store, (change) => wiring.insertNodeOnLink(change, definitions, one.id, link.id)),
    () => link && attempt(store, (change) => wiring.moveOutputLinks(change, definitions, link.from, link.slot, one.id, slot(one))),
    () => attempt(store, (change) => wiring.swapInputs(change, definitions, [one.id, input(one)], [other.id, input(other)])),
    () => reroutes.length > 0 && attempt(store, (change) => wiring.connectReroute(change, definitions, pick(random, reroutes), one.id, input(one))),
    () => reroutes.length > 0 && attempt(store, (change) => wiring.feedReroute(change, definitions, one.id, slot(one), pick(random, reroutes))),
    () => random() < 0.4 && attempt(store, (change) => wiring.removeNodesBridged(change, definitions, some)),
    () => nodes.length < 40 && attempt(store, (change) => {
      const part = readWorkflow(writeWorkflow(partOf(store.document, store.graphId, some), DEFINITIONS), DEFINITIONS).document;
      addPart(change, DEFINITIONS, part, [10, 10], random() < 0.5 ? incomingOf(graph, some) : []);
    }),
    () => attempt(store, (change) => setForm(change, suggestedForm(store.document, definitions))),
    () => attempt(store, (change) => addFormItem(change, { kind: "output", node: one.id })),
    () => formOf(store.document).items.length > 0 && attempt(store, (change) => removeFormItem(change, [0])),
    () => link && isBoundary(graph.nodes.get(link.from)) && random() < 0.2 && attempt(store, (change) => removeSocket(change, link.from, link.slot)),
  ];
  pick(random, moves)();
}

/** @param {number} seed @returns {Store} */
function begun(seed) {
  return new Store([() => readWorkflow(fullFile(), DEFINITIONS).document, () => starterDocument(DEFINITIONS)][seed % 2](), DEFINITIONS);
}

/** @param {Document} document */
const written = (document) => JSON.parse(JSON.stringify(writeWorkflow(document, DEFINITIONS)));

test("whatever is done, the document is sound, undo and redo are exact, and a file says the same", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = randomness(seed);
    const store = begun(seed);
    const start = snapshot(store);
    for (let count = 0; count < 70; count += 1) {
      if (random() < 0.5) step(store, random);
      else bigStep(store, random);
      assertSound(store.document, `seed ${seed}, step ${count}`);
    }
    const end = snapshot(store);
    const first = written(store.document);
    const { document: again, doubts } = readWorkflow(first, DEFINITIONS);
    assert.deepEqual(doubts.filter((doubt) => !doubt.text.includes("does not fit")), [], `seed ${seed}`);
    assertSound(again, `seed ${seed}, from the file`);
    assert.deepEqual(written(again), first, `seed ${seed}`);
    assert.deepEqual(writePrompt(again, DEFINITIONS), writePrompt(store.document, DEFINITIONS), `seed ${seed}`);
    while (store.undo() !== null) assertSound(store.document, `seed ${seed}, undo`);
    assert.deepEqual(snapshot(store), start, `seed ${seed}`);
    while (store.redo() !== null);
    assert.deepEqual(snapshot(store), end, `seed ${seed}`);
  }
});

/** Numbers of what nodes do, the same in every prompt. @type {Map<string, number>} */
const numbers = new Map();

/**
 * What a prompt does, whatever its nodes are called: every node as its type, its values and what feeds it.
 * @param {Document} document
 * @returns {string[]}
 */
function effect(document) {
  const prompt = writePrompt(document, DEFINITIONS);
  /** @type {Map<string, string>} */
  const names = new Map();
  /** @param {string} key @returns {string} */
  const meaning = (key) => {
    const known = names.get(key);
    if (known) return known;
    const { class_type: type, inputs } = prompt[key];
    const told = Object.entries(inputs).map(([name, value]) => [name, Array.isArray(value) ? [meaning(value[0]), value[1]] : value]).sort();
    const text = JSON.stringify([type, told]);
    if (!numbers.has(text)) numbers.set(text, numbers.size);
    const name = text.length < 300 ? text : `${type} ${numbers.get(text)}`;
    names.set(key, name);
    return name;
  };
  return Object.keys(prompt).map(meaning).sort();
}

test("putting nodes into a subgraph, and taking them out again, changes nothing in effect", () => {
  for (let seed = 1; seed <= 120; seed += 1) {
    const random = randomness(seed);
    const store = begun(seed);
    for (let count = 0; count < 25; count += 1) step(store, random);
    store.show([]);
    for (const node of store.graph.nodes.values()) {
      if (node.mode !== "normal") store.run("plain", (change) => change.put("node", { ...node, mode: "normal" }));
    }
    const before = effect(store.document);
    const chosen = [...store.graph.nodes.keys()].filter(() => random() < 0.4);
    if (chosen.length === 0) continue;
    const id = store.run("nest", (change) => makeSubgraph(change, DEFINITIONS, chosen, "N"));
    assertSound(store.document, `seed ${seed}`);
    assert.deepEqual(effect(store.document), before, `seed ${seed}: in`);
    store.run("unpack", (change) => unpackSubgraph(change, DEFINITIONS, id));
    assertSound(store.document, `seed ${seed}`);
    assert.deepEqual(effect(store.document), before, `seed ${seed}: out`);
  }
});
