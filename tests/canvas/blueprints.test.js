/** Blueprints: kept, offered as node types, added as instances. */

import assert from "node:assert/strict";
import test from "node:test";

import { Blueprints } from "../../web/static/js/engine/blueprints.js";
import { Library } from "../../web/static/js/model/library.js";
import { makeSubgraph } from "../../web/static/js/model/nesting.js";
import { writeBlueprint } from "../../web/static/js/model/parts.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { DEFINITIONS } from "./catalogue.js";
import { snapshot } from "./walk.js";

test("a kept subgraph is a node type in its folder, is added with its inside, and what cannot be read is told with the reason", async () => {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const id = /** @type {any} */ (store.graph.nodeByKey("3")).id;
  const host = store.run("nest", (change) => makeSubgraph(change, DEFINITIONS, [id], "S"));
  const json = JSON.parse(JSON.stringify(writeBlueprint(store.document, DEFINITIONS, store.graphId, host, { name: "Sampling", aliases: ["Zeichner", "dessin"] })));
  const shelf = {
    name: "shelf", list: async () => [{ name: "mine/Sampling", path: "a", pack: "" }, { name: "Theirs", path: "b", pack: "their_pack" }, { name: "Lost", path: "c", pack: "" },
      { name: "Other", path: "d", pack: "" }],
    load: async (/** @type {string} */ path) => {
      if (path === "c") throw new Error("gone");
      if (path === "d") return { nodes: [] };
      return json;
    },
  };
  const closed = {
    name: "closed", list: async () => {
      throw new Error("no answer");
    }, load: async () => null,
  };
  const blueprints = new Blueprints("Kept", [shelf, closed]);
  await blueprints.load(DEFINITIONS);
  assert.deepEqual(blueprints.definitions.map(({ name, category, module }) => [name, category, module]),
    [["Sampling", "Kept/mine", ""], ["Theirs", "Kept", "custom_nodes.their_pack"]]);
  assert.deepEqual(blueprints.unread.map(({ name, reason }) => `${name}: ${reason}`),
    ["closed: no answer", "Lost: gone", "Other: It is no workflow with one subgraph and nothing beside it."]);
  const [definition] = blueprints.definitions;
  assert.ok(definition.inputs.some(({ type }) => type === "MODEL") && definition.outputs.some(({ type }) => type === "LATENT"));
  assert.deepEqual(new Library(blueprints.definitions).search("zeichner").map(({ name }) => name), ["Sampling", "Theirs"]);
  const other = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const before = snapshot(other);
  const made = other.run("add", (change) => definition.insert?.(change, [500, 600]) ?? "");
  const node = /** @type {any} */ (other.graph.nodes.get(made));
  assert.deepEqual(node.position, [500, 600]);
  const inner = [.../** @type {any} */ (other.document.graphs.get(node.type)).nodes.values()];
  assert.ok(inner.some(({ type }) => type === "KSampler"));
  other.undo();
  assert.deepEqual(snapshot(other), before);
});
