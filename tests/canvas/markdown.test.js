/** Markdown becomes plain records; nothing in it becomes anything but text, a safe link or a picture of this server. */

import assert from "node:assert/strict";
import test from "node:test";

import { inline, ownPicture, readMarkdown, safeLink } from "../../web/static/js/model/markdown.js";

/** @param {any} mark @returns {any} */
const flat = (mark) => (mark.children ? [mark.kind, ...mark.children.map(flat)] : mark.kind === "text" ? mark.text : [mark.kind, mark.text ?? ""]);
const read = (/** @type {string} */ text) => readMarkdown(text).map(flat);

test("blocks are found: headings, lists in lists, quotes, code, lines", () => {
  assert.deepEqual(read("# A *b*\n\none\ntwo\n\n---\n> said\n"), [
    ["heading", "A ", ["emphasis", "b"]], ["paragraph", "one\ntwo"], ["line", ""], ["quote", ["paragraph", "said"]],
  ]);
  assert.deepEqual(read("- a\n- b\n  1. c\n  2. d\n- e"), [["list", ["item", "a"], ["item", "b", ["ordered", ["item", "c"], ["item", "d"]]], ["item", "e"]]]);
  assert.deepEqual(read("```js\n<b>*x*\n```\nafter"), [["code", "<b>*x*"], ["paragraph", "after"]]);
  assert.deepEqual(read("```\nnever closed"), [["code", "never closed"]]);
});

test("marks within a line are found", () => {
  assert.deepEqual(inline("**a _b_** `c*` ~~d~~ \\*e\\*").map(flat), [
    ["strong", "a ", ["emphasis", "b"]], " ", ["inline", "c*"], " ", ["deleted", "d"], " ", "*", "e", "*",
  ]);
  assert.deepEqual(inline("snake_case_name and 2*3*4").map(flat).flat().join(""), "snake_case_name and 2emphasis34");
  const [, link] = inline("see [the *page*](https://a.b/c) now");
  assert.equal(link.address, "https://a.b/c");
  assert.equal(inline("https://a.b/c?d=e.")[0].kind, "link");
});

test("HTML is text, and links follow only what is safe", () => {
  assert.deepEqual(read("<img src=x onerror=alert(1)>"), [["paragraph", "<img src=x onerror=alert(1)>"]]);
  for (const bad of ["javascript:alert(1)", " JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd", "vbscript:x", "//a.b", "blob:https://a.b/c"]) {
    assert.equal(safeLink(bad), null, bad);
  }
  assert.equal(safeLink("https://a.b/c"), "https://a.b/c");
  assert.equal(safeLink("mailto:a@b.c"), "mailto:a@b.c");
});

test("pictures come from this server alone", () => {
  const page = "http://localhost:8188/app/";
  assert.equal(ownPicture("api/view?filename=a.png", page), "http://localhost:8188/app/api/view?filename=a.png");
  for (const bad of ["https://evil.example/a.png", "//evil.example/a.png", "data:image/svg+xml,x", "\\\\evil.example\\a", "http://localhost:8189/a.png", "http:\\\\evil.example/a"]) {
    assert.equal(ownPicture(bad, page), null, bad);
  }
});

test("hostile lengths and depths are read at once", () => {
  for (const text of ["*".repeat(50_000), "[".repeat(50_000), "> ".repeat(5_000), "- ".repeat(5_000), "`".repeat(50_000), "**a".repeat(10_000), "_a ".repeat(20_000)]) {
    assert.ok(Array.isArray(readMarkdown(text)));
  }
});
