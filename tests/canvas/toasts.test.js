/** Where messages find room. */

import assert from "node:assert/strict";
import test from "node:test";

import { freePlace } from "../../web/static/js/ui/toastplace.js";

const AREA = { left: 0, top: 0, right: 1000, bottom: 800 };
const box = (/** @type {number} */ left, /** @type {number} */ top, /** @type {number} */ right, /** @type {number} */ bottom) => ({ left, top, right, bottom });

test("a message lies in the middle at the foot, and climbs over what is in its way, again and again", () => {
  assert.deepEqual(freePlace(AREA, 400, 40, []), { left: 300, bottom: 786, isFree: true });
  assert.deepEqual(freePlace(AREA, 400, 40, [box(0, 750, 300, 790)]).bottom, 742);
  assert.deepEqual(freePlace(AREA, 400, 40, [box(0, 750, 200, 790)]).bottom, 786);
  assert.deepEqual(freePlace(AREA, 400, 40, [box(0, 750, 400, 790), box(600, 700, 1000, 745)]).bottom, 692);
});

test("where a side is much lower or the middle is full it goes there, and where all is full it stays above the bars", () => {
  assert.deepEqual(freePlace(AREA, 400, 40, [box(600, 300, 1000, 800)]), { left: 14, bottom: 786, isFree: true });
  const wall = box(400, 0, 1000, 800);
  assert.deepEqual(freePlace(AREA, 300, 40, [wall]), { left: 14, bottom: 786, isFree: true });
  assert.deepEqual(freePlace(AREA, 300, 40, [box(0, 0, 1000, 800), box(0, 750, 400, 790)]), { left: 350, bottom: 742, isFree: false });
});
