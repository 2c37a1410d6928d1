/** What a node showed, as the page keeps it. */

import assert from "node:assert/strict";
import test from "node:test";

import { readOutput } from "../../web/static/js/engine/results.js";

const record = (/** @type {string} */ filename) => ({ filename, subfolder: "", type: "temp" });

test("the two sides of a comparison are shown like any pictures", () => {
  const { pictures } = readOutput({ a_images: [record("a.png")], b_images: [record("b.png"), record("c.png")] });
  assert.deepEqual(pictures.map((url) => /filename=([^&]+)/.exec(url)?.[1]), ["a.png", "b.png", "c.png"]);
  assert.deepEqual(readOutput({ images: [record("x.png"), {}], text: ["t"] }).texts, ["t"]);
  assert.equal(readOutput({ images: [record("x.png"), {}] }).pictures.length, 1);
});
