/** Sketches of workflows, for the lists in which they are looked for. */

import assert from "node:assert/strict";
import test from "node:test";

import { sketchOf } from "../../web/static/js/model/sketch.js";

test("a sketch shows nodes, links and groups of both kinds of files, whatever else is in them", () => {
  const nodes = [
    { id: 1, pos: [0, 30], size: [100, 70], color: "#322" }, { id: "2", pos: { 0: 200, 1: 30 }, size: { 0: 100, 1: 200 }, flags: { collapsed: true } },
    { id: 3, pos: ["a", 1], size: [1, 1] }, null,
  ];
  const sketch = sketchOf({ nodes, links: [[7, 1, 0, 2, 0, "LATENT"], [8, 1, 0, 3, 0, "LATENT"], "?"], groups: [{ bounding: [-10, -10, 330, 50] }, { bounding: 3 }] });
  assert.deepEqual(sketch?.nodes, [{ box: [0, 0, 100, 100], colour: "#322" }, { box: [200, 0, 160, 30], colour: null }]);
  assert.deepEqual(sketch?.links, [{ from: [100, 50], to: [200, 15], type: "LATENT" }]);
  assert.deepEqual(sketch?.bounds, [-10, -10, 370, 110]);
  const objects = sketchOf({ nodes, links: { 7: { id: 7, origin_id: 1, origin_slot: 0, target_id: 2, target_slot: 0, type: "LATENT" } } });
  assert.deepEqual(objects?.links, sketch?.links);
});

test("what holds no nodes has no sketch", () => {
  for (const json of [null, 3, {}, { nodes: [] }, { nodes: {} }, { 3: { class_type: "KSampler" } }]) assert.equal(sketchOf(json), null);
});
