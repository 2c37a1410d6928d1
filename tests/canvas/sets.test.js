/** What people take along: sets of keys, palettes of colours. */

import assert from "node:assert/strict";
import test from "node:test";

import { brightness, readPalette, writePalette } from "../../web/static/js/model/palettes.js";
import { readKeys } from "../../web/static/js/ui/keypresets.js";

const DARK = {
  id: "night", name: "Night", colors: {
    node_slot: { MODEL: "#b39ddb", IMAGE: "rgb(10, 20, 30)", BAD: "url(javascript:alert(1))", WORSE: 3 },
    litegraph_base: { CLEAR_BACKGROUND_COLOR: "#141414", NODE_DEFAULT_BGCOLOR: "#353535", NODE_TITLE_COLOR: "red; } body { display: none" },
    comfy_base: { "fg-color": "#fff", "comfy-menu-bg": "#202020" },
  },
};

test("a palette of the ecosystem becomes colours of this page; what is no colour stays out", () => {
  const palette = readPalette(DARK);
  assert.equal(palette.isDark, true);
  assert.equal(palette.colours["--paper"], "#141414");
  assert.equal(palette.colours["--ink"], "#fff");
  assert.equal(palette.colours["--panel"], "#202020");
  assert.deepEqual(palette.slots, { MODEL: "#b39ddb", IMAGE: "rgb(10, 20, 30)" });
  assert.equal(readPalette({ ...DARK, light_theme: true }).isDark, false);
  assert.ok(/** @type {number} */ (brightness("#fff")) > 0.99 && brightness("teal") === null);
  for (const bad of [null, {}, { colors: 3 }, { colors: {} }, { colors: { comfy_base: { "fg-color": "1" } } }]) assert.throws(() => readPalette(bad), /This file/);
});

test("a palette that was written is read as it was", () => {
  const { colours, slots, isDark } = readPalette(DARK);
  const again = readPalette(JSON.parse(JSON.stringify(writePalette("My Night", colours, slots, isDark))));
  for (const name of ["--paper", "--node", "--ink", "--panel"]) assert.equal(again.colours[name], colours[name]);
  assert.deepEqual([again.id, again.name, again.isDark, again.slots], ["my-night", "My Night", true, slots]);
});

test("a set of keys takes only keys of commands that are known", () => {
  const known = new Set(["run", "undo"]);
  const keys = { run: ["ctrl+enter", "ctrl++"], undo: ["ctrl z"], gone: ["x"], __proto__: ["y"] };
  assert.deepEqual(readKeys({ format: "sfumato/keys", name: "Left", keys }, known), { name: "Left", keys: { run: ["ctrl+enter", "ctrl++"] }, unknown: 2 });
  assert.throws(() => readKeys({ format: "other", keys }, known), /no keys/);
  assert.throws(() => readKeys(null, known), /no keys/);
});
