/** Areas of one colour: those that hang together, and all of them. */

import assert from "node:assert/strict";
import test from "node:test";

import { Mask } from "../../web/static/js/model/mask.js";
import { fillMask } from "../../web/static/js/model/maskfill.js";

/** @param {string[]} rows one letter a pixel, "a" darkest @returns {Uint8ClampedArray} */
function picture(rows) {
  return new Uint8ClampedArray([...rows.join("")].flatMap((letter) => Array(3).fill(20 * (letter.charCodeAt(0) - 97)).concat(255)));
}

/** @param {Mask} mask @returns {string[]} */
const shown = (mask) => Array.from({ length: mask.height }, (_none, y) =>
  [...mask.data.subarray(y * mask.width, (y + 1) * mask.width)].map((value) => (value === 255 ? "#" : value === 0 ? "." : "?")).join(""));

const ROWS = ["aaazaa", "azzzza", "azabza", "azbaza", "aazaaz"];
const HOW = { tolerance: 0, isEverywhere: false, erases: false };

test("an area goes as far as its colour hangs together, not over corners, and a colour goes everywhere", () => {
  const mask = new Mask(6, 5);
  fillMask(mask, picture(ROWS), [0.9, 0.2], HOW);
  assert.deepEqual(shown(mask), ["###...", "#.....", "#.....", "#.....", "##...."]);
  fillMask(mask, picture(ROWS), [2, 2], { ...HOW, tolerance: 0.1 });
  assert.deepEqual(shown(mask), ["###...", "#.....", "#.##..", "#.##..", "##.##."]);
  mask.undo();
  fillMask(mask, picture(ROWS), [0, 0], { ...HOW, erases: true });
  assert.ok(mask.isEmpty);
  fillMask(mask, picture(ROWS), [3, 0], { ...HOW, isEverywhere: true });
  assert.deepEqual(shown(mask), ["...#..", ".####.", ".#..#.", ".#..#.", "..#..#"]);
  for (let step = 0; step < 3; step += 1) mask.undo();
  assert.ok(mask.isEmpty);
  assert.equal(fillMask(mask, picture(ROWS), [6, 1], HOW), null);
  assert.equal(mask.past.length, 0);
});

test("large areas of any shape are what walking from pixel to pixel finds", () => {
  let state = 7;
  const random = () => (state = (state * 16807) % 2147483647) / 2147483647;
  for (let round = 0; round < 20; round += 1) {
    const [width, height] = [23, 17];
    const pixels = picture(Array.from({ length: height }, () => Array.from({ length: width }, () => (random() < 0.62 ? "a" : "f")).join("")));
    const mask = new Mask(width, height);
    fillMask(mask, pixels, [11, 8], HOW);
    const reached = new Set([8 * width + 11]);
    for (const at of reached) {
      const beside = [...(at % width > 0 ? [at - 1] : []), ...(at % width < width - 1 ? [at + 1] : []), at - width, at + width];
      for (const next of beside) if (next >= 0 && next < width * height && pixels[4 * next] === pixels[4 * at]) reached.add(next);
    }
    assert.deepEqual(new Set([...mask.data.keys()].filter((index) => mask.data[index] === 255)), reached);
  }
});
