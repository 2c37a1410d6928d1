/**
 * Texts in files made of boxes: MP4, MOV, M4A, AVIF, HEIC.
 *
 * ISO/IEC 14496-12, sections 4.2 and 8.11; QuickTime File Format, "User data" and "Metadata".
 */

/** @import { Bytes, Source } from "./bytes.js" */
/** @import { Texts } from "./exif.js" */

import { readExif } from "./exif.js";

const MOST_BOXES = 20_000;

/** @typedef {{type: string, body: Bytes}} Box */

/** @param {Bytes} bytes @returns {Box[]} the boxes that stand one after the other in some bytes */
function boxesIn(bytes) {
  const found = [];
  let offset = 0;
  while (offset + 8 <= bytes.size && found.length < MOST_BOXES) {
    const [given, type] = [bytes.uint(offset, 4), bytes.latin(offset + 4, 4)];
    const head = given === 1 ? 16 : 8;
    const size = given === 1 ? bytes.uint(offset + 8, 8) : given || bytes.size - offset;
    if (size < head) break;
    found.push({ type, body: bytes.part(offset + head, offset + size) });
    offset += size;
  }
  return found;
}

/** @param {Source} source @returns {Promise<Texts>} */
export async function readBoxes(source) {
  /** @type {Texts} */
  const found = [];
  let offset = 0;
  for (let count = 0; offset + 8 <= source.size && count < MOST_BOXES; count += 1) {
    const head = await source.read(offset, 16);
    const [given, type] = [head.uint(0, 4), head.latin(4, 4)];
    const start = given === 1 ? 16 : 8;
    const size = given === 1 ? head.uint(8, 8) : given || source.size - offset;
    if (size < start) break;
    if (type === "moov") found.push(...readMovie(await source.read(offset + start, size - start), 0));
    if (type === "meta") found.push(...await readItems(source, await source.read(offset + start + 4, size - start - 4)));
    offset += size;
  }
  return found;
}

/** @param {Bytes} bytes @param {number} depth @returns {Texts} */
function readMovie(bytes, depth) {
  return boxesIn(bytes).flatMap(({ type, body }) => {
    if (depth > 4) return [];
    if (type === "udta" || type === "trak") return readMovie(body, depth + 1);
    // In QuickTime files the box begins at once, elsewhere with a version.
    if (type === "meta") return readTags(body.latin(4, 4) === "hdlr" ? body : body.part(4));
    if (type === "\u00a9cmt" || type === "\u00a9des") return [/** @type {[string, string]} */ (["comment", body.text(4, body.uint(0, 2))])];
    return [];
  });
}

/** @param {Bytes} bytes @returns {Texts} what stands in a list of tags, by names of its own or by those of iTunes */
function readTags(bytes) {
  const boxes = boxesIn(bytes);
  const names = keyNames(boxes.find(({ type }) => type === "keys")?.body);
  const list = boxes.find(({ type }) => type === "ilst")?.body;
  if (!list) return [];
  return boxesIn(list).flatMap(({ type, body }) => {
    const inner = boxesIn(body);
    const text = inner.find((box) => box.type === "data")?.body.text(8);
    const own = inner.find((box) => box.type === "name")?.body.text(4);
    const index = [...type].reduce((number, letter) => number * 256 + letter.charCodeAt(0), 0);
    return text === undefined ? [] : [/** @type {[string, string]} */ ([own ?? names[index - 1] ?? (type === "\u00a9cmt" ? "comment" : ""), text])];
  });
}

/** @param {Bytes | undefined} bytes @returns {string[]} */
function keyNames(bytes) {
  if (!bytes) return [];
  return boxesIn(bytes.part(8)).map(({ body }) => body.text().split(".").at(-1) ?? "");
}

/** @param {Source} source @param {Bytes} meta @returns {Promise<Texts>} the EXIF of a picture */
async function readItems(source, meta) {
  const boxes = boxesIn(meta);
  const wanted = exifItem(boxes.find(({ type }) => type === "iinf")?.body);
  const place = wanted === null ? null : itemPlace(boxes.find(({ type }) => type === "iloc")?.body, wanted);
  if (!place) return [];
  const bytes = await source.read(place.offset, place.length);
  return readExif(bytes.part(4 + bytes.uint(0, 4)));
}

/** @param {Bytes | undefined} bytes @returns {number | null} */
function exifItem(bytes) {
  if (!bytes) return null;
  for (const { type, body } of boxesIn(bytes.part(bytes.uint(0, 1) === 0 ? 6 : 8))) {
    if (type !== "infe") continue;
    const version = body.uint(0, 1);
    const width = version >= 3 ? 4 : 2;
    if (version >= 2 && body.latin(4 + width + 2, 4) === "Exif") return body.uint(4, width);
  }
  return null;
}

/** @param {Bytes | undefined} bytes @param {number} wanted @returns {{offset: number, length: number} | null} */
function itemPlace(bytes, wanted) {
  if (!bytes) return null;
  const version = bytes.uint(0, 1);
  const sizes = bytes.uint(4, 2);
  const [offsets, lengths, bases, indices] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15, version === 0 ? 0 : sizes & 15];
  const idWidth = version < 2 ? 2 : 4;
  const count = bytes.uint(6, idWidth);
  let at = 6 + idWidth;
  for (let item = 0; item < count && at < bytes.size; item += 1) {
    const id = bytes.uint(at, idWidth);
    at += idWidth + (version === 0 ? 2 : 4);
    const base = bytes.uint(at, bases);
    const extents = bytes.uint(at + bases, 2);
    at += bases + 2;
    if (id === wanted) return { offset: base + bytes.uint(at + indices, offsets), length: bytes.uint(at + indices + offsets, lengths) };
    at += extents * (indices + offsets + lengths);
  }
  return null;
}
