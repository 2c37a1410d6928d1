/** Workflows inside pictures. */

import assert from "node:assert/strict";
import test from "node:test";
import { crc32, deflateSync } from "node:zlib";

import { openFile } from "../../web/static/js/model/io/files.js";
import { readPngText } from "../../web/static/js/model/io/png.js";
import { writePrompt } from "../../web/static/js/model/io/flatten.js";
import { starterDocument, starterWorkflow } from "../../web/static/js/model/starter.js";
import { DEFINITIONS } from "./catalogue.js";

/** @param {string} type @param {Uint8Array} body @returns {Buffer} */
function chunk(type, body) {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  const content = Buffer.concat([Buffer.from(type, "latin1"), body]);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32 ? crc32(content) : 0);
  return Buffer.concat([head, content, check]);
}

/** @param {Buffer[]} chunks @returns {ArrayBuffer} */
function png(chunks) {
  const bytes = Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), chunk("IHDR", Buffer.alloc(13)), ...chunks, chunk("IEND", Buffer.alloc(0))]);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
}

test("all three kinds of PNG text are read", async () => {
  const picture = png([
    chunk("tEXt", Buffer.from("plain\0caf\xe9", "latin1")),
    chunk("zTXt", Buffer.concat([Buffer.from("packed\0\0", "latin1"), deflateSync(Buffer.from("x".repeat(9000)))])),
    chunk("iTXt", Buffer.concat([Buffer.from("wide\0\0\0en\0\0", "latin1"), Buffer.from("日本", "utf8")])),
    chunk("iTXt", Buffer.concat([Buffer.from("both\0\x01\0\0\0", "latin1"), deflateSync(Buffer.from("ü", "utf8"))])),
  ]);
  assert.deepEqual(await readPngText(picture), { plain: "café", packed: "x".repeat(9000), wide: "日本", both: "ü" });
});

test("a picture gives back its workflow, and one with a prompt alone a laid-out graph", async () => {
  const prompt = writePrompt(starterDocument(DEFINITIONS), DEFINITIONS);
  const text = (/** @type {string} */ name, /** @type {any} */ json) => chunk("tEXt", Buffer.from(`${name}\0${JSON.stringify(json)}`, "latin1"));
  const both = await openFile(new Blob([png([text("prompt", prompt), text("workflow", starterWorkflow())])]), DEFINITIONS);
  assert.equal(both?.document.root.nodeByKey("3")?.position.join(), "762,190");
  const alone = await openFile(new Blob([png([text("prompt", prompt)])]), DEFINITIONS);
  assert.deepEqual(alone && writePrompt(alone.document, DEFINITIONS), prompt);
  assert.equal(await openFile(new Blob([png([])]), DEFINITIONS), null);
});

test("a truncated PNG is read as far as it goes", async () => {
  const whole = png([chunk("tEXt", Buffer.from("a\0b", "latin1")), chunk("tEXt", Buffer.from(`c\0${"d".repeat(50)}`, "latin1"))]);
  assert.deepEqual(await readPngText(whole.slice(0, whole.byteLength - 40)), { a: "b" });
});
