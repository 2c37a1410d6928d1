/** Lining up, spreading, walking from node to node, and names of files. */

import assert from "node:assert/strict";
import test from "node:test";

import { SpatialIndex } from "../../web/static/js/canvas/spatial.js";
import { aligned, distributed, neighbour } from "../../web/static/js/model/arrange.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { fillTokens, formatDate } from "../../web/static/js/model/tokens.js";
import { DEFINITIONS } from "./catalogue.js";

/** @param {string} id @param {number} x @param {number} y @param {number} width @returns {any} */
const at = (id, x, y, width = 100) => ({ id, position: [x, y + 30], bounds: [x, y, width, 50] });
const NODES = [at("a", 0, 0), at("b", 130, 20, 50), at("c", 400, 300)];

test("nodes are brought to a line by any side", () => {
  assert.deepEqual([...aligned(NODES, "top").values()], [[0, 30], [130, 30], [400, 30]]);
  assert.deepEqual([...aligned(NODES, "right").values()], [[400, 30], [450, 50], [400, 330]]);
});

test("gaps become equal and the ends stay", () => {
  assert.deepEqual(Object.fromEntries(distributed(NODES, 0)), { a: [0, 30], b: [225, 50], c: [400, 330] });
  assert.equal(distributed(NODES.slice(0, 2), 0).size, 0);
});

test("the nearest node in a direction is found, or none", () => {
  assert.equal(neighbour(NODES, "a", 0, 1), "b");
  assert.equal(neighbour(NODES, "c", 1, -1), "b");
  assert.equal(neighbour(NODES, "a", 0, -1), null);
});

test("names of files are filled with dates and values, and nothing in them leaves its folder", () => {
  const now = new Date(2026, 2, 4, 5, 6, 7);
  const { root } = starterDocument(DEFINITIONS);
  const fill = (/** @type {string} */ text) => fillTokens(text, root, DEFINITIONS, now);
  assert.equal(formatDate("yyyy-MM-dd hh:mm:ss yy M d", now), "2026-03-04 05:06:07 26 3 4");
  assert.equal(fill("a/%date:yyyy%_%KSampler.steps%_%Prompt.text%"), "a/2026_20_a small red circle left of a large blue square on a yellow background");
  assert.equal(fill("%width%x%No.thing% 100%"), "%width%x%No.thing% 100%");
  const sampler = /** @type {any} */ (root.nodeByKey("3"));
  root.nodes.set(sampler.id, { ...sampler, values: { ...sampler.values, sampler_name: "../../x" } });
  assert.equal(fill("%KSampler.sampler_name%"), ".._.._x");
});

test("what is larger than the world costs no more than what is small", () => {
  const index = new SpatialIndex();
  index.set("huge", [-1e9, -1e9, 2e9, 2e9]);
  index.set("small", [600, 600, 10, 10]);
  assert.deepEqual([...index.query([0, 0, 100, 100])], ["huge"]);
  assert.deepEqual([...index.query([590, 590, 30, 30])].sort(), ["huge", "small"]);
  index.set("small", [-5000, 0, 10, 10]);
  index.remove("huge");
  assert.deepEqual([...index.query([590, 590, 30, 30])], []);
  assert.deepEqual([...index.query([-6000, -100, 2000, 2000])], ["small"]);
});
