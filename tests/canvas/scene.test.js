/** The picture's bookkeeping: what a change touches, what has to be painted again, paths of links, pictures on nodes. */

import assert from "node:assert/strict";
import test from "node:test";

import { Damage } from "../../web/static/js/canvas/damage.js";
import { along, crosses, distanceTo, route } from "../../web/static/js/canvas/curve.js";
import { isTrackpad } from "../../web/static/js/canvas/input/wheel.js";
import { gridCells, pick } from "../../web/static/js/canvas/paint/media.js";
import { keptWidth } from "../../web/static/js/canvas/pictures.js";
import { Scene } from "../../web/static/js/canvas/scene.js";
import { overlap } from "../../web/static/js/canvas/spatial.js";
import { starterDocument } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { DEFINITIONS, randomness } from "./catalogue.js";
import { step } from "./walk.js";

/** @param {Scene} scene */
function placesOf(scene) {
  const bounds = (/** @type {any} */ index) => [...index.entries].map(([id, entry]) => [id, [...entry.bounds]]).sort();
  const paths = (/** @type {any} */ placed) => [...placed].map(([id, { path }]) => [id, path]).sort();
  return { nodes: bounds(scene.nodes), links: bounds(scene.links), reroutes: bounds(scene.reroutes), paths: paths(scene.placed), loose: paths(scene.floating) };
}

test("after any commands the scene is what reading the whole graph again gives", () => {
  for (let seed = 1; seed <= 8; seed += 1) {
    const random = randomness(seed);
    const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
    const scene = new Scene(store);
    for (let count = 0; count < 40; count += 1) {
      step(store, random);
      if (random() < 0.2) store.undo();
      assert.deepEqual(placesOf(scene), placesOf(new Scene(store)), `seed ${seed}, step ${count}`);
    }
  }
});

test("what a change touches covers all that moved, before and after", () => {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const scene = new Scene(store);
  assert.equal(scene.takeTouched(), null);
  const node = /** @type {any} */ (store.graph.nodeByKey("3"));
  const before = scene.shape(node).bounds;
  const link = /** @type {any} */ (store.graph.linkInto(node.id, "model"));
  const path = scene.links.entries.get(link.id)?.bounds;
  store.run("move", (change) => change.put("node", { ...node, position: [3000, 3000] }));
  const touched = /** @type {any[]} */ (scene.takeTouched());
  const after = scene.shape(/** @type {any} */ (store.graph.nodes.get(node.id))).bounds;
  for (const wanted of [before, after, path, scene.links.entries.get(link.id)?.bounds]) {
    assert.ok(touched.some((bounds) => JSON.stringify(bounds) === JSON.stringify(wanted)), String(wanted));
  }
  assert.deepEqual(scene.takeTouched(), []);
});

test("parts that touch are painted as one, far ones apart, and a large share is painted whole", () => {
  const damage = new Damage();
  /** @type {[number, number, number, number]} */
  const area = [0, 0, 1000, 1000];
  assert.equal(damage.take(area), "whole");
  assert.deepEqual(damage.take(area), []);
  for (const x of [0, 300, 60]) damage.add([x, 0, 50, 50]);
  damage.add([40, 10, 30, 10]);
  const parts = /** @type {any[]} */ (damage.take(area));
  assert.deepEqual(parts.sort((one, other) => one[0] - other[0]), [[0, 0, 110, 50], [300, 0, 50, 50]]);
  damage.add([5000, 0, 50, 50]);
  assert.deepEqual(damage.take(area), []);
  damage.add([0, 0, 800, 800]);
  assert.equal(damage.take(area), "whole");
  for (let index = 0; index < 40; index += 1) damage.add([(index % 8) * 120, Math.floor(index / 8) * 90, 4, 4]);
  assert.equal(/** @type {any[]} */ (damage.take(area)).every((one, index, all) => all.every((other, place) => place === index || !overlap(one, other))), true);
});

test("each style of links goes from end to end, and a stroke crosses what it crosses", () => {
  for (const style of /** @type {const} */ (["spline", "linear", "straight"])) {
    const [one, two] = route([[0, 0], [200, 100], [400, 0]], style);
    assert.deepEqual([along(one, 0, style), along(one, 1, style), along(two, 1, style)].map((place) => place.map(Math.round)), [[0, 0], [200, 100], [400, 0]]);
    const [x, y] = along(one, 0.3, style);
    assert.ok(distanceTo(one, x, y, style) < 3, style);
    assert.ok(distanceTo(one, x, y + 400, style) > 200, style);
    assert.equal(crosses([one, two], [300, -100], [300, 300], style), true);
    assert.equal(crosses([one, two], [500, -100], [500, 300], style), false);
  }
});

test("a slanted or small turn is a trackpad, and a burst stays what it began as", () => {
  let time = 0;
  const turn = (/** @type {number} */ deltaX, /** @type {number} */ deltaY, wait = 1000) =>
    isTrackpad({ deltaX, deltaY, deltaMode: 0, timeStamp: (time += wait) });
  assert.equal(turn(0, 120), false);
  assert.equal(turn(0, 4, 10), false);
  assert.equal(turn(0, 4), true);
  assert.equal(turn(0, 90, 10), true);
  assert.equal(turn(3, 120), true);
});

test("pictures are kept as wide as they are shown, and one of several stands out by a click", () => {
  assert.deepEqual([90, 256, 257, 4000].map(keptWidth), [256, 256, 512, Infinity]);
  /** @type {[number, number, number, number]} */
  const bounds = [10, 10, 200, 200];
  const [, , third] = gridCells(bounds, 4);
  assert.equal(pick(bounds, 4, undefined, [third[0] + 5, third[1] + 5]), 2);
  assert.equal(pick(bounds, 4, 3, [200, 100]), 0);
  assert.equal(pick(bounds, 4, 0, [20, 100]), 3);
  assert.equal(pick(bounds, 4, 2, [110, 100]), undefined);
});
