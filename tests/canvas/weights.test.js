/** Weights of words in prompts, changed from the keyboard; keys of Macs. */

import assert from "node:assert/strict";
import test from "node:test";

import { combination } from "../../web/static/js/commands/registry.js";
import { reweigh } from "../../web/static/js/model/weights.js";

/** The text after a change; `|` marks the cursor, two of them what is selected. @param {string} marked @param {number} by */
function after(marked, by) {
  const start = marked.indexOf("|");
  const end = marked.lastIndexOf("|") - (marked.indexOf("|") === marked.lastIndexOf("|") ? 0 : 1);
  const text = marked.replaceAll("|", "");
  const edit = reweigh(text, start, end, by);
  return edit && text.slice(0, edit.from) + edit.text + text.slice(edit.to);
}

test("a word, a selection and brackets get, change and lose their weight", () => {
  assert.equal(after("a re|d ball", 0.05), "a (red:1.05) ball");
  assert.equal(after("a |red ball|", 0.1), "a (red ball:1.1)");
  assert.equal(after("a | red ball |, sky", -0.1), "a  (red ball:0.9) , sky");
  assert.equal(after("a (red ba|ll:1.1)", 0.1), "a (red ball:1.2)");
  assert.equal(after("a (|red ball|:1.1)", -0.1), "a red ball");
  assert.equal(after("|(red ball:1.25)|", 0.05), "(red ball:1.3)");
  assert.equal(after("((a|b:1.1), c:2)", 0.1), "((ab:1.2), c:2)");
  assert.equal(after("((ab:1.1), c|:2)", 0.5), "((ab:1.1), c:2.5)");
  assert.equal(after("(a|b)", 0.1), "((ab:1.1))");
  assert.equal(after("(a|b:0.0)", -0.1), "(ab:0)");
  assert.equal(after("a , | b", 0.1), null);
});

test("keys of Macs count by their place where Alt writes another sign", () => {
  const press = { ctrlKey: false, metaKey: false, shiftKey: false, altKey: true };
  assert.equal(combination({ ...press, key: "ç", code: "KeyC" }), "alt+c");
  assert.equal(combination({ ...press, key: "Dead", code: "KeyN" }), "alt+n");
  assert.equal(combination({ ...press, key: "Â", code: "KeyM", shiftKey: true }), "alt+shift+m");
  assert.equal(combination({ ...press, key: "≠", code: "Equal" }), "alt+=");
  assert.equal(combination({ ...press, key: "c", code: "KeyI" }), "alt+c");
  assert.equal(combination({ ...press, key: "PageDown", code: "PageDown" }), "alt+pagedown");
  assert.equal(combination({ ...press, altKey: false, key: "ç", code: "KeyC" }), "ç");
});
