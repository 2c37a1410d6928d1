/** Reads the text that PNG pictures carry: `tEXt`, `zTXt`, `iTXt`. */

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const LONGEST_TEXT = 64 * 1024 * 1024;

/**
 * Whether the bytes begin as a PNG does.
 * @param {ArrayBuffer} buffer
 * @returns {boolean}
 */
function isPng(buffer) {
  const head = new Uint8Array(buffer, 0, Math.min(8, buffer.byteLength));
  return head.length === 8 && SIGNATURE.every((byte, index) => head[index] === byte);
}

/**
 * Every text of a PNG by keyword.
 * @param {ArrayBuffer} buffer
 * @returns {Promise<Record<string, string>>}
 */
export async function readPngText(buffer) {
  if (!isPng(buffer)) throw new Error("This is not a PNG file.");
  const view = new DataView(buffer);
  /** @type {Record<string, string>} */
  const texts = {};
  let offset = 8;
  while (offset + 12 <= buffer.byteLength) {
    const length = view.getUint32(offset);
    const type = latin(new Uint8Array(buffer, offset + 4, 4));
    if (offset + 12 + length > buffer.byteLength || type === "IEND") break;
    const body = new Uint8Array(buffer, offset + 8, length);
    const text = await readChunk(type, body);
    if (text) texts[text[0]] = text[1];
    offset += 12 + length;
  }
  return texts;
}

/** @param {string} type @param {Uint8Array<ArrayBuffer>} body @returns {Promise<[string, string] | null>} */
async function readChunk(type, body) {
  if (type !== "tEXt" && type !== "zTXt" && type !== "iTXt") return null;
  const end = body.indexOf(0);
  if (end < 1) return null;
  const keyword = latin(body.subarray(0, end));
  if (type === "tEXt") return [keyword, latin(body.subarray(end + 1))];
  if (type === "zTXt") return [keyword, latin(await inflate(body.subarray(end + 2)))];
  const language = body.indexOf(0, end + 3);
  const translated = body.indexOf(0, language + 1);
  if (language < 0 || translated < 0) return null;
  const rest = body.subarray(translated + 1);
  const plain = body[end + 1] === 1 ? await inflate(rest) : rest;
  return [keyword, new TextDecoder().decode(plain)];
}

/** @param {Uint8Array} bytes @returns {string} */
function latin(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return text;
}

/** @param {Uint8Array<ArrayBuffer>} bytes zlib stream @returns {Promise<Uint8Array>} */
async function inflate(bytes) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  const parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > LONGEST_TEXT) throw new Error("The text in this picture is larger than 64 MB.");
    parts.push(value);
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
