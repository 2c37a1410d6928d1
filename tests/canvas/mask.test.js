/** Masks: strokes, their history, and what is done to all of one. */

import assert from "node:assert/strict";
import test from "node:test";

import { Mask } from "../../web/static/js/model/mask.js";

const BRUSH = { radius: 4, hardness: 1, erases: false };

/** @param {Mask} mask @param {[number, number]} from @param {[number, number]} to @param {Partial<typeof BRUSH>} [brush] */
function draw(mask, from, to, brush = {}) {
  mask.begin();
  const area = mask.stroke(from, to, { ...BRUSH, ...brush });
  mask.end();
  return area;
}

test("a stroke paints a round line, an eraser takes it away, and neither leaves the picture", () => {
  const mask = new Mask(40, 20);
  assert.deepEqual(draw(mask, [-5, 10], [20, 10]), [0, 6, 25, 15]);
  const at = (/** @type {number} */ x, /** @type {number} */ y) => mask.data[y * 40 + x];
  assert.deepEqual([at(0, 10), at(15, 8), at(30, 10), at(10, 3)], [255, 255, 0, 0]);
  draw(mask, [10, 10], [10, 10], { erases: true });
  assert.deepEqual([at(10, 10), at(18, 10)], [0, 255]);
});

test("a soft brush fades out from its hard part, and passing twice adds nothing", () => {
  const mask = new Mask(41, 41);
  draw(mask, [20.5, 20.5], [20.5, 20.5], { radius: 16, hardness: 0.5 });
  const row = [...mask.data.subarray(20 * 41 + 20, 20 * 41 + 41)];
  assert.ok(row.slice(0, 8).every((value) => value === 255));
  assert.ok(row.every((value, index) => index === 0 || value <= row[index - 1]) && row.some((value) => value > 0 && value < 255));
  const before = mask.data.slice();
  draw(mask, [20.5, 20.5], [20.5, 20.5], { radius: 16, hardness: 0.5 });
  assert.deepEqual(mask.data, before);
});

test("every change is undone and done again exactly", () => {
  const mask = new Mask(32, 32);
  const states = [mask.data.slice()];
  const steps = [() => draw(mask, [4, 4], [28, 20]), () => mask.feather(2), () => mask.invert(), () => draw(mask, [9, 9], [9, 30], { erases: true }), () => mask.clear()];
  for (const step of steps) {
    step();
    states.push(mask.data.slice());
  }
  for (const state of states.slice(0, -1).reverse()) {
    mask.undo();
    assert.deepEqual(mask.data, state);
  }
  assert.equal(mask.undo(), null);
  for (const state of states.slice(1)) {
    mask.redo();
    assert.deepEqual(mask.data, state);
  }
  mask.undo();
  draw(mask, [1, 1], [2, 2]);
  assert.equal(mask.redo(), null);
});

test("feathering softens an edge and keeps what lies deep inside", () => {
  const mask = new Mask(60, 60);
  mask.whole((data) => data.forEach((_value, index) => (data[index] = index % 60 < 30 ? 255 : 0)));
  mask.feather(3);
  const row = [...mask.data.subarray(30 * 60, 31 * 60)];
  assert.equal(row[5], 255);
  assert.equal(row[55], 0);
  assert.ok(Math.abs(row[29] + row[30] - 255) <= 6 && row[29] < 255 && row[30] > 0);
});
