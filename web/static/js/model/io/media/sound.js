/**
 * Texts in sound files: FLAC, Ogg (Vorbis, Opus), MP3.
 *
 * RFC 9639, section 8.6; RFC 3533, section 6; Vorbis I, section 5; RFC 7845, section 5.2; ID3v2.3.0 and 2.4.0, section 4.
 */

/** @import { Source } from "./bytes.js" */
/** @import { Texts } from "./exif.js" */

import { Bytes } from "./bytes.js";

const MOST_COMMENTS = 10_000;
const HEAD_BYTES = 64 * 1024 * 1024;
const ENCODINGS = ["latin1", "utf-16", "utf-16be", "utf-8"];

/** @param {Bytes} bytes from the vendor on @returns {Texts} */
function readComments(bytes) {
  /** @type {Texts} */
  const found = [];
  let offset = 4 + bytes.uint(0, 4, true);
  const count = Math.min(MOST_COMMENTS, bytes.uint(offset, 4, true));
  offset += 4;
  for (let index = 0; index < count && offset < bytes.size; index += 1) {
    const length = bytes.uint(offset, 4, true);
    const [name, ...rest] = bytes.text(offset + 4, Math.min(length, bytes.size - offset - 4)).split("=");
    found.push([name, rest.join("=")]);
    offset += 4 + length;
  }
  return found;
}

/** @param {Source} source @returns {Promise<Texts>} */
export async function readFlac(source) {
  let offset = 4;
  while (offset + 4 <= source.size) {
    const head = await source.read(offset, 4);
    const length = head.uint(1, 3);
    if ((head.uint(0, 1) & 127) === 4) return readComments(await source.read(offset + 4, length));
    if (head.uint(0, 1) & 128) break;
    offset += 4 + length;
  }
  return [];
}

/** @param {Source} source @returns {Promise<Texts>} of the second packet, where comments are */
export async function readOgg(source) {
  const bytes = await source.read(0, Math.min(source.size, HEAD_BYTES));
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const parts = [];
  let [packet, offset] = [0, 0];
  while (packet < 2 && bytes.latin(offset, 4) === "OggS") {
    const segments = bytes.uint(offset + 26, 1);
    let at = offset + 27 + segments;
    for (let index = 0; index < segments && packet < 2; index += 1) {
      const length = bytes.uint(offset + 27 + index, 1);
      if (packet === 1) parts.push(bytes.part(at, at + length).array);
      at += length;
      if (length < 255) packet += 1;
    }
    offset = at;
  }
  const joint = new Bytes(new Uint8Array(await new Blob(parts).arrayBuffer()));
  if (joint.latin(0, 8) === "OpusTags") return readComments(joint.part(8));
  return joint.latin(0, 7) === "\u0003vorbis" ? readComments(joint.part(7)) : [];
}

/** @param {Source} source @returns {Promise<Texts>} */
export async function readMp3(source) {
  const head = await source.read(0, 10);
  if (head.latin(0, 3) !== "ID3") return [];
  const version = head.uint(3, 1);
  const bytes = await source.read(10, safeSize(head, 6));
  /** @type {Texts} */
  const found = [];
  let offset = 0;
  while (offset + 10 <= bytes.size && version >= 3) {
    const name = bytes.latin(offset, 4);
    const size = version === 4 ? safeSize(bytes, offset + 4) : bytes.uint(offset + 4, 4);
    if (!/^[A-Z0-9]{4}$/.test(name) || size === 0) break;
    const body = bytes.part(offset + 10, offset + 10 + size);
    if (name === "TXXX") found.push(readPair(body.uint(0, 1), body.part(1)));
    if (name === "COMM") found.push(["comment", readPair(body.uint(0, 1), body.part(4))[1]]);
    offset += 10 + size;
  }
  return found;
}

/** A number of which each byte holds seven bits. @param {Bytes} bytes @param {number} offset */
function safeSize(bytes, offset) {
  return [0, 1, 2, 3].reduce((size, index) => size * 128 + (bytes.uint(offset + index, 1) & 127), 0);
}

/** @param {number} encoding @param {Bytes} bytes a name, zero, a text @returns {[string, string]} */
function readPair(encoding, bytes) {
  const text = bytes.text(0, bytes.size, ENCODINGS[encoding] ?? "utf-8");
  const [name, ...rest] = text.split("\0");
  return [name, rest.join("\0").replace(/^\ufeff/, "").replace(/\0+$/, "")];
}
