/** Which links are made, and what a refusal says. */

import assert from "node:assert/strict";
import test from "node:test";

import { setMode } from "../../web/static/js/model/commands.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { checkLink, reaches, typesMatch } from "../../web/static/js/model/validate.js";
import { DEFINITIONS } from "./catalogue.js";

const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
/** @param {string} key @returns {string} */
const id = (key) => /** @type {any} */ (store.graph.nodeByKey(key)).id;
/** @param {string} from @param {number} slot @param {string} to @param {string} input @returns {any} */
const check = (from, slot, to, input) => checkLink(store.graph, DEFINITIONS, id(from), slot, id(to), input);

test("types match by any shared member, without case, and * with all", () => {
  assert.ok(typesMatch("IMAGE", "image"));
  assert.ok(typesMatch("INT", "FLOAT,INT"));
  assert.ok(typesMatch("*", "VAE"));
  assert.ok(typesMatch("VAE", "*"));
  assert.ok(!typesMatch("INT", "FLOAT"));
});

test("a link that fits is allowed", () => assert.deepEqual(check("4", 0, "3", "model"), { ok: true }));

test("a wrong type is refused with both types", () => {
  const verdict = check("5", 0, "3", "model");
  assert.equal(verdict.code, "type");
  assert.equal(verdict.reason, '"model" takes MODEL, not LATENT.');
});

test("a loop is refused with the names of both nodes, even through bypassed nodes", () => {
  store.run("bypass", (change) => setMode(change, [id("8")], "bypass"));
  const verdict = check("3", 0, "3", "latent_image");
  assert.equal(verdict.code, "self");
  assert.ok(reaches(store.graph, id("4"), id("9")));
  assert.ok(!reaches(store.graph, id("9"), id("4")));
});

test("a link from the end to the start of a chain would be a loop", () => {
  const more = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const sampler = /** @type {any} */ (more.graph.nodeByKey("3"));
  const encode = /** @type {any} */ (more.graph.nodeByKey("6"));
  const verdict = checkLink(more.graph, new Map(DEFINITIONS).set("CLIPTextEncode", {
    .../** @type {any} */ (DEFINITIONS.get("CLIPTextEncode")),
    inputs: [{ name: "latent", type: "LATENT", optional: true, tooltip: "", widget: null }],
  }), sampler.id, 0, encode.id, "latent");
  assert.equal(verdict.ok, false);
  assert.match(/** @type {any} */ (verdict).reason, /loop: Prompt already feeds KSampler/);
});
