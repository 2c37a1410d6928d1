/** Which dropped addresses are opened, and what their files are called. */

import assert from "node:assert/strict";
import test from "node:test";

import { addressOf, nameOf } from "../../web/static/js/commands/addresses.js";

const BASE = "http://127.0.0.1:8188/canvas/?form=1";

test("only addresses of the page's own server are taken, and any other is named", () => {
  assert.equal(addressOf("# a comment\r\n/api/view?filename=a.png\r\n", BASE).href, "http://127.0.0.1:8188/api/view?filename=a.png");
  assert.equal(addressOf("http://127.0.0.1:8188/x.json", BASE).pathname, "/x.json");
  for (const [list, named] of [["https://example.org/a.png", "example.org"], ["http://127.0.0.1:8189/a.png", "127.0.0.1:8189"],
    ["//example.org/a.png", "example.org"], ["file:///etc/passwd", "file:"], ["data:text/plain,x", "data:"], ["javascript:alert(1)", "javascript:"]]) {
    assert.throws(() => addressOf(list, BASE), (/** @type {Error} */ error) => error.message.includes(`and ${named} is elsewhere`));
  }
  for (const list of ["", "# nothing", "http://"]) assert.throws(() => addressOf(list, BASE), /is no address/);
});

test("a file has the name that its address asks for, or its last part", () => {
  assert.equal(nameOf(addressOf("/api/view?filename=sub%2Fa%20b.png&type=output", BASE)), "a b.png");
  assert.equal(nameOf(addressOf("/flows/one%20two.json", BASE)), "one two.json");
  assert.equal(nameOf(addressOf("/", BASE)), "file");
});
