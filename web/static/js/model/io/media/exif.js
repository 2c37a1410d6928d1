/**
 * Texts in the EXIF of pictures: JPEG, WebP, AVIF.
 *
 * Exif 2.32 (CIPA DC-008), sections 4.5 and 4.6; TIFF 6.0, section 2; WebP container specification.
 */

/** @import { Bytes, Source } from "./bytes.js" */

const EXIF_POINTER = 0x8769;
const USER_COMMENT = 0x9286;
const ASCII = 2;
/** Bytes of no kind, or plainly bytes as some programs say. */
const RAW = new Set([7, 1]);
const MOST_ENTRIES = 512;

/** @typedef {[string, string][]} Texts names, where there are any, and texts */

/**
 * The texts in a TIFF structure.
 * @param {Bytes} tiff from its byte order on
 * @returns {Texts}
 */
export function readTiff(tiff) {
  const order = tiff.latin(0, 2);
  if (order !== "II" && order !== "MM") return [];
  const little = order === "II";
  /** @type {Texts} */
  const found = [];
  const directories = [tiff.uint(4, 4, little)];
  const seen = new Set([0]);
  for (const start of directories) {
    if (seen.has(start) || seen.size > 8) continue;
    seen.add(start);
    const count = Math.min(MOST_ENTRIES, tiff.uint(start, 2, little));
    for (let entry = start + 2; entry < start + 2 + count * 12; entry += 12) {
      const [tag, kind, length] = [tiff.uint(entry, 2, little), tiff.uint(entry + 2, 2, little), tiff.uint(entry + 4, 4, little)];
      const at = length <= 4 ? entry + 8 : tiff.uint(entry + 8, 4, little);
      if (tag === EXIF_POINTER) directories.push(tiff.uint(entry + 8, 4, little));
      else if (tag === USER_COMMENT && RAW.has(kind)) found.push(["comment", userComment(tiff.part(at, at + length), little)]);
      else if (kind === ASCII) found.push(["", tiff.text(at, Math.min(length, tiff.size - at)).replace(/\0+$/, "")]);
    }
    directories.push(tiff.uint(start + 2 + count * 12, 4, little));
  }
  return found;
}

/** @param {Bytes} bytes @param {boolean} little @returns {string} */
function userComment(bytes, little) {
  const code = bytes.latin(0, 8);
  if (code.startsWith("UNICODE")) {
    const isLittle = bytes.uint(8, 1) !== 0 && bytes.uint(9, 1) === 0;
    return bytes.text(8, bytes.size - 8, isLittle || (little && bytes.uint(8, 1) !== 0) ? "utf-16le" : "utf-16be").replace(/\0+$/, "");
  }
  return bytes.text(/^(ASCII|JIS|\0)/.test(code) ? 8 : 0).replace(/\0+$/, "");
}

/** @param {Bytes} bytes perhaps with "Exif" before the structure @returns {Texts} */
export function readExif(bytes) {
  return readTiff(bytes.latin(0, 4) === "Exif" ? bytes.part(6) : bytes);
}

/** @param {Source} source @returns {Promise<Texts>} */
export async function readJpeg(source) {
  /** @type {Texts} */
  const found = [];
  let offset = 2;
  while (offset + 4 <= source.size) {
    const head = await source.read(offset, 4);
    const [mark, length] = [head.uint(1, 1), head.uint(2, 2)];
    if (head.uint(0, 1) !== 0xff || mark === 0xda || mark === 0xd9 || length < 2) break;
    if (mark === 0xe1 || mark === 0xfe) {
      const body = await source.read(offset + 4, length - 2);
      if (mark === 0xfe) found.push(["comment", body.text()]);
      else if (body.latin(0, 4) === "Exif") found.push(...readExif(body));
    }
    offset += 2 + length;
  }
  return found;
}

/** @param {Source} source @returns {Promise<Texts>} */
export async function readWebp(source) {
  /** @type {Texts} */
  const found = [];
  let offset = 12;
  while (offset + 8 <= source.size) {
    const head = await source.read(offset, 8);
    const length = head.uint(4, 4, true);
    if (head.latin(0, 4) === "EXIF") found.push(...readExif(await source.read(offset + 8, length)));
    offset += 8 + length + (length % 2);
  }
  return found;
}
