/** The line to the server: what was missed while it was broken is asked for again. */

import assert from "node:assert/strict";
import test from "node:test";

import { Socket } from "../../web/static/js/engine/socket.js";

class Line extends globalThis.EventTarget {
  /** @type {Line[]} */
  static opened = [];

  /** @param {URL} address */
  constructor(address) {
    super();
    this.address = address;
    /** @type {any[]} */ this.sent = [];
    Line.opened.push(this);
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }

  /** @param {any} message */
  say(message) {
    this.dispatchEvent(Object.assign(new globalThis.Event("message"), { data: JSON.stringify(message) }));
  }
}

test("a line that broke names the jobs that are followed and the last event that was heard of each", async () => {
  Object.assign(globalThis, { WebSocket: Line, document: { baseURI: "http://here/" } });
  /** @type {any[]} */
  const heard = [];
  const socket = new Socket("me", {
    state: () => undefined, message: (type, data) => heard.push([type, data]), preview: () => undefined, text: () => undefined, jobs: () => ["a", "b"],
  });
  socket.wait = 1;
  socket.open();
  const [first] = Line.opened;
  assert.equal(first.address.href, "ws://here/ws?clientId=me");
  first.dispatchEvent(new globalThis.Event("open"));
  assert.equal(first.sent[0].data.supports_event_ids, true);
  first.say({ id: 3, type: "executing", data: { prompt_id: "a", node: "1" } });
  first.say({ id: 5, type: "executing", data: { prompt_id: "a", node: "2" } });
  first.say({ type: "status", data: {} });
  socket.wait = 1;
  first.dispatchEvent(new globalThis.Event("close"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(Line.opened[1].address.searchParams.getAll("resume"), ["5:a", "0:b"]);
  assert.equal(heard.length, 3);
});
