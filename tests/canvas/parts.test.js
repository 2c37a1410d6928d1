/** Parts that travel: copies with their links, into other documents, and blueprints. */

import assert from "node:assert/strict";
import test from "node:test";

import { addReroute, setValue } from "../../web/static/js/model/commands.js";
import { readWorkflow } from "../../web/static/js/model/io/read.js";
import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { makeSubgraph } from "../../web/static/js/model/nesting.js";
import { addBlueprint, addPart, blueprintDefinition, incomingOf, partOf, readBlueprint, writeBlueprint } from "../../web/static/js/model/parts.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { Document } from "../../web/static/js/model/document.js";
import { DEFINITIONS } from "./catalogue.js";
import { snapshot } from "./walk.js";

function opened() {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const id = (/** @type {string} */ key) => /** @type {any} */ (store.graph.nodeByKey(key)).id;
  return { store, id };
}

/** A part as the clipboard carries it. @param {Store} store @param {string[]} ids */
const carried = (store, ids) =>
  readWorkflow(JSON.parse(JSON.stringify(writeWorkflow(partOf(store.document, store.graphId, ids), DEFINITIONS))), DEFINITIONS).document;

test("a paste brings nodes, their links and reroutes; with links kept, what fed them feeds the copies", () => {
  const { store, id } = opened();
  const link = /** @type {any} */ (store.graph.linkInto(id("8"), "samples"));
  store.run("reroute", (change) => addReroute(change, link.id, [900, 90]));
  const before = snapshot(store);
  const ids = [id("3"), id("8")];
  const part = carried(store, ids);
  const incoming = JSON.parse(JSON.stringify(incomingOf(store.graph, ids)));
  const plain = store.run("paste", (change) => addPart(change, DEFINITIONS, part, [10, 20]));
  const [sampler, decode] = plain.map((one) => /** @type {any} */ (store.graph.nodes.get(one)));
  assert.deepEqual(store.graph.linksInto(sampler.id), []);
  const [inner] = store.graph.linksInto(decode.id);
  assert.equal(inner.from, sampler.id);
  assert.deepEqual(store.graph.reroutes.get(inner.via ?? "")?.position, [910, 110]);
  store.undo();
  assert.deepEqual(snapshot(store), before);
  const linked = store.run("paste", (change) => addPart(change, DEFINITIONS, part, [10, 20], incoming));
  assert.equal(store.graph.linkInto(linked[0], "positive")?.from, id("6"));
  assert.equal(store.graph.linkInto(linked[1], "vae")?.from, id("4"));
  const other = new Store(new Document("other"), DEFINITIONS);
  other.run("paste", (change) => addPart(change, DEFINITIONS, part, [0, 0], [...incoming, null]));
  assert.equal(other.graph.links.size, 1);
});

test("a subgraph that is pasted is shared where it is the same, and stands beside the other where it is not", () => {
  const { store, id } = opened();
  const instance = store.run("nest", (change) => makeSubgraph(change, DEFINITIONS, [id("3")], "S"));
  const outer = store.run("nest", (change) => makeSubgraph(change, DEFINITIONS, [instance], "T"));
  const part = carried(store, [outer]);
  store.run("paste", (change) => addPart(change, DEFINITIONS, part, [0, 0]));
  assert.equal(store.document.subgraphs.size, 2);
  const inner = [...store.document.subgraphs.values()].find((subgraph) => subgraph.name === "S")?.id ?? "";
  const sampler = [.../** @type {any} */ (store.document.graphs.get(inner)).nodes.values()].find((node) => node.type === "KSampler");
  store.run("change", (change) => setValue(change.at(inner), sampler.id, "steps", 3));
  const [pasted] = store.run("paste", (change) => addPart(change, DEFINITIONS, part, [0, 0]));
  assert.equal(store.document.subgraphs.size, 4);
  const prompt = writePrompt(store.document, DEFINITIONS);
  const steps = Object.entries(prompt).filter(([, node]) => node.class_type === "KSampler").map(([key, node]) => [key.split(":")[0], node.inputs.steps]);
  const key = store.graph.nodes.get(pasted)?.key ?? "";
  assert.deepEqual(steps.map(([host, count]) => (host === key ? count === 20 : count === 3)), [true, true, true]);
});

test("a blueprint is a workflow of one instance; it is read, described and added elsewhere", () => {
  const { store, id } = opened();
  const instance = store.run("nest", (change) => makeSubgraph(change, DEFINITIONS, [id("3"), id("5")], "Sampling"));
  const json = JSON.parse(JSON.stringify(writeBlueprint(store.document, DEFINITIONS, "root", instance, { name: "Draw", description: "Draws.", aliases: ["paint"] })));
  assert.deepEqual([json.nodes.length, json.links.length, json.definitions.subgraphs.length], [1, 0, 1]);
  const blueprint = /** @type {import("../../web/static/js/model/parts.js").Blueprint} */ (readBlueprint(json));
  assert.deepEqual([blueprint.name, blueprint.description, blueprint.aliases], ["Draw", "Draws.", ["paint"]]);
  const definition = blueprintDefinition(blueprint, DEFINITIONS);
  assert.deepEqual(definition?.outputs.map((output) => output.type), ["LATENT"]);
  const other = new Store(new Document("other"), DEFINITIONS);
  const added = other.run("add", (change) => addBlueprint(change, DEFINITIONS, blueprint, [50, 60]));
  assert.deepEqual(other.graph.nodes.get(added)?.position, [50, 60]);
  assert.equal(Object.keys(writePrompt(other.document, DEFINITIONS)).length, 2);
  other.show([added]);
  assert.throws(() => other.run("add", (change) => addBlueprint(change, DEFINITIONS, blueprint, [0, 0])), /holds the subgraph/);
  assert.throws(() => writeBlueprint(store.document, DEFINITIONS, "root", id("9"), {}), /Only a subgraph/);
  assert.equal(readBlueprint({ nodes: [] }), null);
  assert.equal(readBlueprint(writeWorkflow(store.document, DEFINITIONS)), null);
});
