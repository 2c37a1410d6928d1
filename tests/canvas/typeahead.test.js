/** Letters that come before their line does. */

import assert from "node:assert/strict";
import test from "node:test";

import { holdLetters } from "../../web/static/js/ui/typeahead.js";

test("letters are held and told, keys with Ctrl go on, and Escape takes all of it back", () => {
  /** @type {any} */
  const page = globalThis;
  const heard = new Set();
  page.addEventListener = (/** @type {string} */ _name, /** @type {any} */ listener) => heard.add(listener);
  page.removeEventListener = (/** @type {string} */ _name, /** @type {any} */ listener) => heard.delete(listener);
  const press = (/** @type {string} */ key, ctrlKey = false) => {
    let isHeld = false;
    for (const hear of heard) hear({ key, ctrlKey, preventDefault: () => (isHeld = true), stopImmediatePropagation: () => undefined });
    return isHeld;
  };
  const letGo = holdLetters();
  assert.ok(["a", "b", " ", "Backspace", "Enter", "c"].every((key) => press(key)));
  assert.ok(!press("s", true));
  assert.equal(letGo(), "abc");
  assert.ok(!press("d"));
  const again = holdLetters();
  press("x");
  press("Escape");
  assert.equal(again(), null);
});
