/** Texts in the tags of WebM and Matroska. RFC 8794 (EBML), sections 4 to 6; RFC 9559, section 5.1.8. */

/** @import { Bytes, Source } from "./bytes.js" */
/** @import { Texts } from "./exif.js" */

const SEGMENT = 0x18538067;
const TAGS = 0x1254c367;
const TAG = 0x7373;
const SIMPLE_TAG = 0x67c8;
const TAG_NAME = 0x45a3;
const TAG_STRING = 0x4487;
const MOST_ELEMENTS = 100_000;

/**
 * The head of an element.
 * @param {Bytes} bytes @param {number} offset
 * @returns {{id: number, size: number, length: number} | null} the size is Infinity where it is not known; `length` is that of the head
 */
function head(bytes, offset) {
  const first = bytes.uint(offset, 1);
  const idLength = Math.clz32(first) - 23;
  if (first === 0 || idLength > 4) return null;
  const id = bytes.uint(offset, idLength);
  const mark = bytes.uint(offset + idLength, 1);
  const sizeLength = Math.clz32(mark) - 23;
  if (mark === 0 || sizeLength > 8 || offset + idLength + sizeLength > bytes.size) return null;
  const high = mark - 2 ** (8 - sizeLength);
  const low = bytes.uint(offset + idLength + 1, sizeLength - 1);
  const isUnknown = high === 2 ** (8 - sizeLength) - 1 && low === 2 ** (8 * (sizeLength - 1)) - 1;
  const size = isUnknown ? Infinity : high * 2 ** (8 * (sizeLength - 1)) + low;
  return { id, size, length: idLength + sizeLength };
}

/** @param {Source} source @returns {Promise<Texts>} */
export async function readMatroska(source) {
  /** @type {Texts} */
  const found = [];
  let offset = 0;
  for (let count = 0; offset < source.size && count < MOST_ELEMENTS; count += 1) {
    const element = head(await source.read(offset, 12), 0);
    if (!element) break;
    offset += element.length;
    if (element.id === TAGS) found.push(...readTags(await source.read(offset, Math.min(element.size, source.size - offset))));
    // What is in a segment is looked at one by one; all else is passed over.
    if (element.id !== SEGMENT) offset += element.size;
  }
  return found;
}

/** @param {Bytes} bytes @returns {{id: number, body: Bytes}[]} */
function children(bytes) {
  const found = [];
  let offset = 0;
  while (offset < bytes.size && found.length < MOST_ELEMENTS) {
    const element = head(bytes, offset);
    if (!element) break;
    const start = offset + element.length;
    found.push({ id: element.id, body: bytes.part(start, start + element.size) });
    offset = start + element.size;
  }
  return found;
}

/** @param {Bytes} bytes @returns {Texts} */
function readTags(bytes) {
  return children(bytes).filter(({ id }) => id === TAG).flatMap(({ body }) => children(body)).filter(({ id }) => id === SIMPLE_TAG)
    .map(({ body }) => {
      const parts = children(body);
      const textOf = (/** @type {number} */ wanted) => parts.find(({ id }) => id === wanted)?.body.text().replace(/\0+$/, "") ?? "";
      return [textOf(TAG_NAME), textOf(TAG_STRING)];
    });
}
