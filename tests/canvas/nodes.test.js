/** Single nodes: advanced inputs that are folded away, places and links that are exchanged. */

import assert from "node:assert/strict";
import test from "node:test";

import { addNode, connect } from "../../web/static/js/model/commands.js";
import { readCatalogue } from "../../web/static/js/model/definitions.js";
import { setShowsAdvanced } from "../../web/static/js/model/looks.js";
import { showAdvanced, slotsOf } from "../../web/static/js/model/slots.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { swapInputs, swapNodes } from "../../web/static/js/model/wiring.js";
import { CATALOGUE, DEFINITIONS } from "./catalogue.js";
import { snapshot } from "./walk.js";

function opened() {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const id = (/** @type {string} */ key) => /** @type {any} */ (store.graph.nodeByKey(key)).id;
  const links = () => [...store.graph.links.values()].map((link) =>
    `${store.graph.nodes.get(link.from)?.key}.${link.slot} > ${store.graph.nodes.get(link.to)?.key}.${link.input}`).sort();
  return { store, id, links };
}

test("an advanced input keeps its value and is shown where a node, or everyone, asks for it", () => {
  const definitions = readCatalogue({
    ...CATALOGUE, Fine: { input: { required: { plain: ["INT", {}], rare: ["INT", { default: 7, advanced: true }] } }, output: [] },
  });
  const store = new Store(starterDocument(definitions), definitions);
  const { id } = store.run("add", (change) => addNode(change, /** @type {any} */ (definitions.get("Fine")), [0, 0]));
  const hidden = () => slotsOf(definitions, /** @type {any} */ (store.graph.nodes.get(id))).inputs.map(({ widget }) => Boolean(widget?.hidden));
  assert.deepEqual(hidden(), [false, true]);
  assert.equal(store.graph.nodes.get(id)?.values.rare, 7);
  const before = snapshot(store);
  store.run("show", (change) => setShowsAdvanced(change, [id], true));
  assert.deepEqual(hidden(), [false, false]);
  store.undo();
  assert.deepEqual(snapshot(store), before);
  showAdvanced(true);
  store.run("touch", (change) => setShowsAdvanced(change, [id], false));
  assert.deepEqual(hidden(), [false, false]);
  showAdvanced(false);
});

test("two inputs exchange what feeds them, and two nodes all their links and their places", () => {
  const { store, id, links } = opened();
  const before = snapshot(store);
  store.run("swap", (change) => swapInputs(change, DEFINITIONS, [id("3"), "positive"], [id("3"), "negative"]));
  assert.ok(links().includes("7.0 > 3.positive") && links().includes("6.0 > 3.negative"));
  store.undo();
  const places = ["6", "7"].map((key) => store.graph.nodeByKey(key)?.position);
  store.run("swap", (change) => swapNodes(change, DEFINITIONS, id("6"), id("7")));
  assert.ok(links().includes("7.0 > 3.positive") && links().includes("6.0 > 3.negative"));
  assert.deepEqual(["7", "6"].map((key) => store.graph.nodeByKey(key)?.position), places);
  store.undo();
  assert.deepEqual(snapshot(store), before);
});

test("of two nodes that are swapped, a link between them and links that do not fit are gone", () => {
  const { store, id, links } = opened();
  const other = store.run("add", (change) => addNode(change, /** @type {any} */ (DEFINITIONS.get("LatentUpscale")), [0, 0]));
  store.run("link", (change) => connect(change, DEFINITIONS, id("5"), 0, other.id, "samples"));
  store.run("swap", (change) => swapNodes(change, DEFINITIONS, id("5"), other.id));
  assert.ok(links().includes(`${other.key}.0 > 3.latent_image`));
  assert.equal(links().filter((link) => link.includes("samples") && !link.includes("8.samples")).length, 0);
});
