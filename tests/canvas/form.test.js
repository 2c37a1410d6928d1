/** Forms: arranged by commands, kept by files, read from the ecosystem's list of inputs and outputs. */

import assert from "node:assert/strict";
import test from "node:test";

import { removeNodes } from "../../web/static/js/model/commands.js";
import {
  addFormItem, formOf, itemAt, moveFormItem, nodeItems, nodeOfForm, removeFormItem, setForm, setFormItem, setFormTitle,
} from "../../web/static/js/model/form.js";
import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { makeSubgraph } from "../../web/static/js/model/nesting.js";
import { joinFormItem, partFormItem } from "../../web/static/js/model/rows.js";
import { suggestedForm } from "../../web/static/js/model/suggest.js";
import { starterDocument, starterWorkflow } from "../../web/static/js/model/starter.js";
import { widget } from "../../web/static/js/model/definitions.js";
import { kindOf, limited, readable } from "../../web/static/js/widgets/kinds.js";
import { Store } from "../../web/static/js/model/store.js";
import { DEFINITIONS } from "./catalogue.js";
import { snapshot } from "./walk.js";

function opened() {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const id = (/** @type {string} */ key) => /** @type {any} */ (store.graph.nodeByKey(key)).id;
  const texts = () => formOf(store.document).items.map((/** @type {any} */ item) => item.text ?? item.items.map((/** @type {any} */ one) => one.text));
  return { store, id, texts };
}

test("items are added, moved, changed and removed, each by a command with its inverse", () => {
  const { store, texts } = opened();
  const before = snapshot(store);
  const text = (/** @type {string} */ word) => ({ kind: /** @type {const} */ ("text"), text: word });
  for (const word of ["a", "b", "c"]) store.run("add", (change) => addFormItem(change, text(word)));
  store.run("row", (change) => addFormItem(change, { kind: "row", items: [text("d"), text("e")] }, [1]));
  assert.deepEqual(texts(), ["a", ["d", "e"], "b", "c"]);
  store.run("move", (change) => moveFormItem(change, [0], [3]));
  assert.deepEqual(texts(), [["d", "e"], "b", "a", "c"]);
  store.run("in", (change) => moveFormItem(change, [3], [0, 1]));
  assert.deepEqual(texts(), [["d", "c", "e"], "b", "a"]);
  store.run("within", (change) => moveFormItem(change, [0, 0], [0, 3]));
  assert.deepEqual(texts(), [["c", "e", "d"], "b", "a"]);
  store.run("set", (change) => setFormItem(change, [0, 1], { text: "E" }));
  assert.deepEqual(itemAt(formOf(store.document), [0, 1]), { kind: "text", text: "E" });
  for (let count = 0; count < 3; count += 1) store.run("remove", (change) => removeFormItem(change, [0, 0]));
  assert.deepEqual(texts(), ["b", "a"]);
  store.run("title", (change) => setFormTitle(change, "Portraits"));
  while (store.undo());
  assert.deepEqual(snapshot(store), before);
});

test("a file keeps a form, also of nodes inside subgraphs, and forgets nodes that are gone", () => {
  const { store, id } = opened();
  const [sampler, save] = [id("3"), id("9")];
  store.run("form", (change) => setForm(change, {
    title: "F", items: [
      { kind: "heading", text: "Size" }, { kind: "row", items: [{ kind: "input", node: id("5"), name: "width", label: "Wide", minimum: 64, maximum: 512 }] },
      { kind: "input", node: sampler, name: "steps" }, { kind: "output", node: save },
    ],
  }));
  store.run("nest", (change) => makeSubgraph(change, DEFINITIONS, [sampler], "S"));
  assert.notEqual(nodeOfForm(store.document, sampler)?.graph, "root");
  const json = JSON.parse(JSON.stringify(writeWorkflow(store.document, DEFINITIONS)));
  assert.deepEqual(json.extra.sfumato.form.items[1].items, [{ kind: "input", node: "5", name: "width", label: "Wide", minimum: 64, maximum: 512 }]);
  const { document } = readWorkflow(json, DEFINITIONS);
  assert.deepEqual(JSON.parse(JSON.stringify(writeWorkflow(document, DEFINITIONS))), json);
  assert.equal(nodeOfForm(document, nodeItems(formOf(document))[1].node)?.node.type, "KSampler");
  store.run("gone", (change) => removeNodes(change, [save]));
  assert.equal(writeWorkflow(store.document, DEFINITIONS).extra.sfumato.form.items.length, 3);
});

test("the ecosystem's list of inputs and outputs becomes a form, and stays in step with it", () => {
  const json = { ...starterWorkflow(), extra: { linearMode: true, linearData: { inputs: [["6", "text", { height: 90 }], [3, "seed"], [99, "x"]], outputs: [9] } } };
  const store = new Store(readWorkflow(json, DEFINITIONS).document, DEFINITIONS);
  assert.deepEqual(formOf(store.document).items.map((item) => item.kind), ["input", "input", "output"]);
  store.run("remove", (change) => removeFormItem(change, [1]));
  const { extra } = writeWorkflow(store.document, DEFINITIONS);
  assert.deepEqual(extra.linearData, { inputs: [["6", "text", { height: 90 }]], outputs: [9] });
  assert.equal(extra.linearMode, true);
});

test("a suggested form holds the prompts, the size, the seed and the results", () => {
  const { store } = opened();
  const { items } = suggestedForm(store.document, DEFINITIONS);
  const names = items.map((/** @type {any} */ item) => item.items?.map((/** @type {any} */ one) => one.name) ?? item.label ?? item.name ?? item.kind);
  assert.deepEqual(names, ["Prompt", "Negative prompt", ["width", "height"], "seed", "output"]);
});

test("items are put side by side and taken apart again", () => {
  const { store, texts } = opened();
  for (const word of ["a", "b", "c"]) store.run("add", (change) => addFormItem(change, { kind: "text", text: word }));
  store.run("join", (change) => joinFormItem(change, [1]));
  store.run("join", (change) => joinFormItem(change, [1]));
  assert.deepEqual(texts(), [["a", "b", "c"]]);
  store.run("part", (change) => partFormItem(change, [0, 0]));
  assert.deepEqual(texts(), [["b", "c"], "a"]);
  store.run("part", (change) => partFormItem(change, [0, 1]));
  assert.deepEqual(texts(), ["b", "c", "a"]);
  store.run("the first has none above", (change) => joinFormItem(change, [0]));
  assert.deepEqual(texts(), ["b", "c", "a"]);
});

test("a form narrows the limits of a value, and asks only for kinds of field that fit", () => {
  const number = widget({ kind: "int", min: 16, max: 16384, step: 8 });
  assert.deepEqual([limited(number, { minimum: 0, maximum: 64 }).min, limited(number, { minimum: 0, maximum: 64 }).max], [16, 64]);
  assert.equal(limited(number, {}), number);
  assert.equal(kindOf(number, {}), "number");
  assert.equal(kindOf(limited(number, { maximum: 512 }), {}), "slider");
  assert.equal(kindOf(number, { widget: "toggle" }), "number");
  assert.equal(kindOf(widget({ kind: "text" }), { widget: "line" }), "line");
  assert.equal(kindOf(widget({ kind: "custom", guest: "X" }), {}), null);
  assert.equal(readable("noise_seed"), "Noise seed");
});
