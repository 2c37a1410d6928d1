/** Every text that a file of any kind carries, by name: pictures, films, sound, models, drawings. */

/** @import { Texts } from "./exif.js" */

import { readPngText } from "../png.js";
import { readBoxes } from "./boxes.js";
import { BrokenFile, Source } from "./bytes.js";
import { readJpeg, readWebp } from "./exif.js";
import { readMatroska } from "./matroska.js";
import { readFlac, readMp3, readOgg } from "./sound.js";

const MOST_HEADER = 64 * 1024 * 1024;

/** @typedef {(source: Source) => Promise<Texts>} Reader */

/** @type {readonly [RegExp, Reader][]} how files begin */
const KINDS = [
  [/^\x89PNG\r\n\x1a\n/, async (source) => Object.entries(await readPngText(await source.blob.arrayBuffer()))],
  [/^RIFF[^]{4}WEBP/, readWebp],
  [/^\xff\xd8\xff/, readJpeg],
  [/^[^]{4}ftyp/, readBoxes],
  [/^\x1a\x45\xdf\xa3/, readMatroska],
  [/^fLaC/, readFlac],
  [/^OggS/, readOgg],
  [/^ID3/, readMp3],
  [/^glTF/, readGlb],
  [/^[^]{5}\0\0\0\{/, readSafetensors],
  [/^(\xef\xbb\xbf)?\s*<(\?xml|svg|!DOCTYPE svg|!--)/i, readSvg],
];

/**
 * The texts of a file; none for kinds that carry none, and for what only looks like one that does.
 * @param {Blob} blob
 * @returns {Promise<Texts | null>} null when the file is of no kind that is known here
 */
export async function readTexts(blob) {
  const source = new Source(blob);
  const head = (await source.read(0, 256)).latin();
  const reader = KINDS.find(([begin]) => begin.test(head))?.[1];
  if (!reader) return null;
  try {
    return await reader(source);
  } catch (error) {
    if (error instanceof BrokenFile || error instanceof RangeError) return [];
    throw error;
  }
}

/** @param {any} value @returns {Texts} the texts in an object */
function entriesOf(value) {
  if (!value || typeof value !== "object") return [];
  return Object.entries(value).map(([name, one]) => [name, typeof one === "string" ? one : JSON.stringify(one) ?? ""]);
}

/** @param {string} text @returns {any} */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The JSON part of a binary glTF. @param {Source} source @returns {Promise<Texts>} */
async function readGlb(source) {
  const head = await source.read(12, 8);
  const json = parsed((await source.read(20, Math.min(head.uint(0, 4, true), source.size))).text());
  return [json?.asset?.extras, json?.extras, json?.scenes?.[0]?.extras].flatMap(entriesOf);
}

/** The metadata of safetensors, `.latent` files among them. @param {Source} source @returns {Promise<Texts>} */
async function readSafetensors(source) {
  const length = (await source.read(0, 8)).uint(0, 8, true);
  if (length > Math.min(MOST_HEADER, source.size - 8)) return [];
  return entriesOf(parsed((await source.read(8, length)).text())?.__metadata__);
}

/** @param {Source} source @returns {Promise<Texts>} */
async function readSvg(source) {
  const text = (await source.read(0, Math.min(source.size, MOST_HEADER))).text();
  const start = text.search(/<metadata[\s>]/i);
  const end = text.indexOf("</metadata", start);
  if (start < 0 || end < 0) return [];
  const inner = text.slice(text.indexOf(">", start) + 1, end).trim();
  const data = /^<!\[CDATA\[([^]*?)\]\]>/.exec(inner)?.[1] ?? unescaped(inner.replace(/<[^>]*>/g, ""));
  return [...entriesOf(parsed(data)), ["comment", data]];
}

/** @param {string} text @returns {string} */
function unescaped(text) {
  const names = /** @type {Record<string, string>} */ ({ lt: "<", gt: ">", quot: "\"", apos: "'", amp: "&" });
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(lt|gt|quot|apos|amp));/gi, (whole, ten, sixteen, name) => {
    const code = ten ? Number(ten) : sixteen ? parseInt(sixteen, 16) : null;
    if (code === null) return names[String(name).toLowerCase()];
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
