/** The gallery's wishes, and which node loads a model. */

import assert from "node:assert/strict";
import test from "node:test";

import { kindOf, smallUrl, valueOf, wished } from "../../web/static/js/engine/assets.js";
import { loaderFor } from "../../web/static/js/model/loaders.js";
import { readCatalogue } from "../../web/static/js/model/definitions.js";
import { CATALOGUE } from "./catalogue.js";

/** @param {string} name @param {number} modified @param {number} size @returns {import("../../web/static/js/engine/assets.js").Asset} */
const asset = (name, modified, size) => ({ name, modified, size, place: "output", kind: kindOf(name) });
const ALL = [{ ...asset("a10.png", 3, 5), seconds: 2.5 }, asset("sub/a9.PNG", 2, 9), asset("clip.mp4", 9, 1), { ...asset("notes.txt", 1, 2), seconds: 60 }];

test("wishes go by words, kind and order", () => {
  const names = (/** @type {any} */ wish) => wished(ALL, { query: "", kind: "", sort: "newest", ...wish }).map(({ name }) => name);
  assert.deepEqual(names({}), ["clip.mp4", "a10.png", "sub/a9.PNG", "notes.txt"]);
  assert.deepEqual(names({ kind: "picture", sort: "oldest" }), ["sub/a9.PNG", "a10.png"]);
  assert.deepEqual(names({ query: "SUB a9" }), ["sub/a9.PNG"]);
  assert.deepEqual(names({ sort: "size" })[0], "sub/a9.PNG");
  assert.deepEqual(names({ sort: "longest" }), ["notes.txt", "a10.png", "sub/a9.PNG", "clip.mp4"]);
  assert.deepEqual(names({ sort: "shortest" }), ["a10.png", "notes.txt", "sub/a9.PNG", "clip.mp4"]);
  assert.deepEqual(names({ query: "a", kind: "picture", sort: "name" }), ["a10.png", "sub/a9.PNG"]);
});

test("a file outside of the input folder says where it is, and names are escaped in addresses", () => {
  assert.equal(valueOf(ALL[1]), "sub/a9.PNG [output]");
  assert.equal(valueOf({ ...ALL[0], place: "input" }), "a10.png");
  assert.ok(smallUrl(asset("a b&c.png", 1, 1), 128).includes("name=a+b%26c.png"));
});

test("a model goes to the usual node of its folder, or to one that offers it", () => {
  const definitions = readCatalogue(CATALOGUE);
  assert.deepEqual(loaderFor("checkpoints", "new.safetensors", definitions)?.definition.type, "CheckpointLoaderSimple");
  assert.equal(loaderFor("my_models", "b.safetensors", definitions)?.input, "ckpt_name");
  assert.equal(loaderFor("my_models", "c.safetensors", definitions), null);
});
