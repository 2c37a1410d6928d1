/** What is drawn on nodes: curves and boxes, and how files and prompts hold them. */

import assert from "node:assert/strict";
import test from "node:test";

import { Pictures } from "../../web/static/js/canvas/pictures.js";
import { boxBetween, boxesOf, cornersOf, gripAt, movedBox } from "../../web/static/js/model/boxes.js";
import { curveOf, heightAt, pointAt, STRAIGHT, withoutPoint, withPoint, withPointAt } from "../../web/static/js/model/curves.js";
import { definitionOf } from "../../web/static/js/model/definitions.js";
import { comfortableSize, defaultValues } from "../../web/static/js/model/nodes.js";

test("a smooth curve goes through its points and never leaves the range between two of them", () => {
  /** @type {import("../../web/static/js/model/curves.js").Curve} */
  const curve = { points: [[0, 0], [0.2, 0.1], [0.3, 0.9], [0.6, 0.9], [1, 0.4]], interpolation: "monotone_cubic" };
  for (const [x, y] of curve.points) assert.ok(Math.abs(heightAt(curve, x) - y) < 1e-9);
  for (const [index, [right, high]] of curve.points.slice(1).entries()) {
    const [left, low] = curve.points[index];
    for (let part = 0; part <= 1; part += 0.05) {
      const height = heightAt(curve, left + (right - left) * part);
      assert.ok(height >= Math.min(low, high) - 1e-9 && height <= Math.max(low, high) + 1e-9, `${left} ${part} ${height}`);
    }
  }
  for (const x of [0, 0.31, 0.77, 1]) assert.ok(Math.abs(heightAt(STRAIGHT, x) - x) < 1e-9);
  assert.equal(heightAt({ points: [[0.2, 0.5], [0.8, 1]], interpolation: "linear" }, 0.5), 0.75);
  assert.equal(heightAt({ points: [[0.2, 0.5], [0.8, 1]], interpolation: "linear" }, 0.1), 0.5);
});

test("points are found, added in their order, held between their neighbours, and two stay", () => {
  const { curve, index } = withPoint(STRAIGHT, [0.5, 0.8]);
  assert.equal(index, 1);
  assert.equal(pointAt(curve, [0.51, 0.79], [0.05, 0.05]), 1);
  assert.equal(pointAt(curve, [0.7, 0.3], [0.05, 0.05]), -1);
  assert.deepEqual(withPointAt(curve, 1, [2, -1]).points[1], [0.999, 0]);
  const two = withoutPoint(curve, 1);
  assert.equal(withoutPoint(two, 0).points.length, 2);
  assert.equal(curveOf("nonsense"), STRAIGHT);
  assert.equal(curveOf({ points: [[0, 0], [1, 3]] }), STRAIGHT);
  assert.deepEqual(curveOf([[1, 1], [0, 0]]).points, [[0, 0], [1, 1]]);
});

test("boxes are drawn in any direction, kept on the sheet, and keep what else is known of them", () => {
  assert.deepEqual(boxBetween([60, 50], [10, 90.4], [100, 80]), { x: 10, y: 50, width: 50, height: 30 });
  assert.deepEqual(boxBetween([99.9, 10], [140, 10], [100, 80]), { x: 99, y: 10, width: 1, height: 1 });
  const box = { x: 10, y: 10, width: 20, height: 10, label: "cat" };
  assert.deepEqual(movedBox(box, 500, -500, [100, 80]), { ...box, x: 80, y: 0 });
  assert.deepEqual(cornersOf(box, "nw"), [[10, 10], [30, 20]]);
  assert.deepEqual(gripAt([box, { ...box, x: 0 }], [30, 20], 3), { index: 0, grip: "se" });
  assert.deepEqual(gripAt([box, { ...box, x: 15 }], [20, 15], 3), { index: 1, grip: "inside" });
  assert.equal(gripAt([box], [50, 50], 3), null);
  assert.deepEqual(boxesOf([box, [box], { x: 1 }, null]), [box, box]);
  assert.deepEqual(boxesOf({ x: 1, y: 2, width: 3, height: 4 }).length, 1);
});

test("what is drawn has a widget of its own; what only the page needs is not shown", () => {
  const boxes = definitionOf("B", {
    input: { required: { width: ["INT", {}], editor_state: ["BOUNDING_BOXES", { default: [] }], last_incoming: ["BOUNDING_BOXES", { default: [] }] } }, output: [],
  });
  assert.deepEqual(boxes.inputs.map(({ widget }) => Boolean(widget?.hidden)), [false, false, true]);
  assert.deepEqual(defaultValues(boxes), { width: 0, editor_state: [], last_incoming: [] });
  const compare = definitionOf("C", { input: { optional: { image_a: ["IMAGE", {}], compare_view: ["IMAGECOMPARE", {}] } }, output: [] });
  assert.equal(compare.inputs[1].widget?.hidden, true);
  const forced = definitionOf("D", { input: { required: { bboxes: ["BOUNDING_BOX", { forceInput: true }] } }, output: [] });
  assert.equal(forced.inputs[0].widget, null);
  assert.ok(comfortableSize(boxes)[1] < 2 * 220);
});

test("the size of a picture is that of its file, however small it is kept", async () => {
  globalThis.fetch = /** @type {any} */ (async () => new globalThis.Response("picture"));
  globalThis.createImageBitmap = /** @type {any} */ (async (/** @type {any} */ _source, /** @type {any} */ options) =>
    ({ width: options?.resizeWidth ?? 4000, height: options?.resizeHeight ?? 3010, close: () => undefined }));
  const pictures = new Pictures((name) => name);
  const loaded = new Promise((resolve) => (pictures.onload = () => resolve(null)));
  pictures.get("a", 200);
  assert.equal(pictures.sizeOf("a"), null);
  await loaded;
  assert.deepEqual([pictures.get("a", 200)?.width, pictures.sizeOf("a")], [256, [4000, 3010]]);
});
