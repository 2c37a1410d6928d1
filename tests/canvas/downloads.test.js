/** Downloads of models: what can be downloaded, and how it is watched. */

import assert from "node:assert/strict";
import test from "node:test";

import { downloadable, Downloads } from "../../web/static/js/engine/downloads.js";

const MODEL = { name: "sub\\m.safetensors", folder: "loras", url: "https://models.example/m?x=1", hash: "A".repeat(64), hashType: "SHA256" };

test("a model is downloaded from a known address into a known folder, never a file that could hold a program", () => {
  assert.deepEqual(downloadable(MODEL), {
    model: { folder: "loras", name: "sub/m.safetensors", url: MODEL.url, sha256: MODEL.hash }, host: "models.example",
  });
  assert.equal(downloadable({ ...MODEL, hashType: "BLAKE3" })?.model.sha256, "");
  for (const change of [{ url: "http://models.example/m" }, { url: "javascript:alert(1)" }, { url: null }, { url: "nowhere" }, { folder: null }, { name: "m.ckpt" }]) {
    assert.equal(downloadable({ ...MODEL, ...change }), null);
  }
});

test("the server is asked how a download stands until none runs", async () => {
  const states = ["running", "done"];
  let asked = 0;
  globalThis.fetch = /** @type {any} */ (async () => ({ ok: true, json: async () => ({ downloads: [{ id: "1", name: "m", state: states[asked++] }] }) }));
  const downloads = new Downloads();
  /** @type {(string | undefined)[]} */
  const seen = [];
  const done = new Promise((resolve) => downloads.listeners.add(() => {
    seen.push(downloads.of("m")?.state);
    if (seen.length === 2) resolve(null);
  }));
  await downloads.look();
  await done;
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(seen, states);
  assert.equal(asked, 2);
});
