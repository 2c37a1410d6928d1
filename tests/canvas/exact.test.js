/** Whole numbers keep every digit: from a file to a value, through an edit, into the prompt and into a file. */

import assert from "node:assert/strict";
import test from "node:test";

import { parseJson, writeJson } from "../../web/static/js/model/io/json.js";
import { openFile } from "../../web/static/js/model/io/files.js";
import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { writeWorkflow } from "../../web/static/js/model/io/write.js";
import { nextSeed } from "../../web/static/js/model/seeds.js";
import { starterWorkflow } from "../../web/static/js/model/starter.js";
import { fitted, shownValue, typedNumber } from "../../web/static/js/widgets/values.js";
import { DEFINITIONS } from "./catalogue.js";

const LONG = 2n ** 63n + 11n;
const SEED = /** @type {any} */ (DEFINITIONS.get("KSampler")?.inputs.find(({ name }) => name === "seed")?.widget);

test("a seed of 2^63+11 survives loading, saving and the prompt", async () => {
  const text = JSON.stringify(starterWorkflow()).replace('"widgets_values":[1,', `"widgets_values":[${LONG},`).replace('"seed":1', `"seed":${LONG}`);
  const opened = await openFile(new Blob([text]), DEFINITIONS);
  assert.ok(opened);
  assert.deepEqual(opened.doubts, []);
  assert.equal(opened.document.root.nodeByKey("3")?.values.seed, LONG);
  assert.match(writeJson(writePrompt(opened.document, DEFINITIONS)), new RegExp(`"seed":${LONG},`));
  assert.match(writeJson(writeWorkflow(opened.document, DEFINITIONS)), new RegExp(`"seed":${LONG},`));
});

test("long numbers are exact, and texts that look like them stay texts", () => {
  const value = { a: LONG, b: [-LONG, 1.5, 1e300, 12], c: `"${LONG}"`, d: `\u0001${LONG}`, [`${LONG}`]: "\\", e: 9007199254740991 };
  assert.deepEqual(parseJson(writeJson(value)), value);
  assert.deepEqual(parseJson(writeJson(value, 2)), value);
  assert.equal(parseJson("12345678901234567.5"), Number("12345678901234567.5"));
  assert.throws(() => parseJson(`{"a": ${LONG}`), SyntaxError);
});

test("long seeds step, roll and end as short ones do", () => {
  assert.equal(nextSeed(LONG, "increment", SEED, () => 0), LONG + 1n);
  assert.equal(nextSeed(LONG, "decrement", SEED, () => 0), LONG - 1n);
  assert.equal(nextSeed(LONG, "fixed", SEED, () => 0), LONG);
  assert.equal(nextSeed(2n ** 64n - 1n, "increment", SEED, () => 0), 0);
  assert.equal(nextSeed(2n ** 53n, "decrement", SEED, () => 0), 2 ** 53 - 1);
  assert.equal(typeof nextSeed(LONG, "randomize", SEED, () => 0.5), "number");
});

test("typing a long number keeps its digits, within the limits of the input", () => {
  assert.equal(typedNumber(String(LONG)), LONG);
  assert.equal(fitted(SEED, LONG, true), LONG);
  assert.equal(fitted(SEED, 10n ** 20n, true), 2n ** 64n - 1n);
  assert.equal(shownValue(SEED, LONG), String(LONG));
  assert.equal(typedNumber("1234567890123456"), 1234567890123456);
});
