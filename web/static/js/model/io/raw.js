/** What files hold, taken with care: each reader gives the expected shape whatever it is given. */

/** @import { Kept } from "../types.js" */

/** @typedef {{key: number, from: string, slot: number, to: string, index: number, type: string, kept: Kept}} RawLink */

const OWN_LINK = new Set(["id", "origin_id", "origin_slot", "target_id", "target_slot", "type"]);

/** @param {any} value @returns {any[]} */
export function listOf(value) {
  return Array.isArray(value) ? value : [];
}

/** @param {any} value @returns {boolean} */
export function isRecord(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** @param {any} value @returns {Record<string, any>} */
export function recordOf(value) {
  return isRecord(value) ? value : {};
}

/**
 * A word or a number as text; nothing for all else, which may not even be turned into text.
 * @param {any} value
 * @returns {string}
 */
export function wordOf(value) {
  return ["string", "number", "bigint", "boolean"].includes(typeof value) ? String(value) : "";
}

/** @param {any} value @returns {number} NaN for what is no number */
export function numberOf(value) {
  return ["string", "number", "bigint"].includes(typeof value) ? Number(value) : NaN;
}

/**
 * The fields of a record but for some.
 * @param {any} raw @param {ReadonlySet<string>} names
 * @returns {Record<string, any>}
 */
export function without(raw, names) {
  /** @type {Record<string, any>} */
  const kept = {};
  if (!isRecord(raw)) return kept;
  for (const name of Object.keys(raw)) {
    if (names.has(name)) continue;
    if (name === "__proto__") Object.defineProperty(kept, name, { value: raw[name], enumerable: true, configurable: true, writable: true });
    else kept[name] = raw[name];
  }
  return kept;
}

/** @param {any} type @returns {string} */
export function typeName(type) {
  if (Array.isArray(type)) return "COMBO";
  return typeof type === "string" && type !== "" ? type : "*";
}

/** @param {any} pair @param {[number, number]} fallback @returns {[number, number]} */
export function readPair(pair, fallback) {
  const numbers = [numberOf(pair?.[0]), numberOf(pair?.[1])];
  return Number.isFinite(numbers[0]) && Number.isFinite(numbers[1]) ? [numbers[0], numbers[1]] : fallback;
}

/** Farther out nothing is ever seen, and numbers lose the places that drawing needs. */
const FARTHEST = 1e7;
const LARGEST = 20_000;
const LONGEST_TITLE = 1000;

/**
 * A place and a size, within reason; null where one is not given in numbers.
 * @param {any} place @param {any} size @param {[number, number]} usual the size where none is given
 * @returns {[number, number, number, number] | null}
 */
export function readBox(place, size, usual) {
  const [x, y] = readPair(place, [NaN, NaN]);
  const [width, height] = size === undefined || size === null ? usual : readPair(size, [NaN, NaN]);
  if (Number.isNaN(x + width)) return null;
  const within = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) => Math.max(low, Math.min(high, value));
  return [within(x, -FARTHEST, FARTHEST), within(y, -FARTHEST, FARTHEST), within(width, 0, LARGEST), within(height, 0, LARGEST)];
}

/** @param {any} title @returns {string | null} */
export function readTitle(title) {
  return typeof title === "string" ? title.slice(0, LONGEST_TITLE) : null;
}

/** Numbers beyond this are not counted on from. */
const MOST = 2 ** 50;

/** Gives every record of a list a number of its own: the one that it has, where that is a number and free. */
export class Numbers {
  /** @param {readonly any[]} given all numbers of the list */
  constructor(given) {
    this.taken = new Set();
    this.highest = given.reduce((/** @type {number} */ top, one) => (isNumber(one) ? Math.max(top, numberOf(one)) : top), 0);
  }

  /** @param {any} given @returns {number} */
  take(given) {
    const number = isNumber(given) && !this.taken.has(numberOf(given)) ? numberOf(given) : ++this.highest;
    this.taken.add(number);
    return number;
  }

  /** The same for keys that may be words. @param {any} given @returns {string} */
  key(given) {
    const isWord = typeof given === "string" && given !== "" && given.length < 200 && !(given in {}) && Number.isNaN(Number(given));
    const isKey = isWord || (isNumber(given) && String(numberOf(given)) === String(given));
    const key = isKey && !this.taken.has(String(given)) ? String(given) : String(++this.highest);
    this.taken.add(key);
    return key;
  }
}

/** @param {any} value @returns {boolean} whether it is a whole number, perhaps written as text, that can be counted on from */
function isNumber(value) {
  const number = value === "" ? NaN : numberOf(value);
  return Number.isInteger(number) && Math.abs(number) <= MOST;
}

/**
 * A link in either form: an array of six, or an object.
 * @param {any} raw
 * @returns {RawLink | null}
 */
export function readLink(raw) {
  if (Array.isArray(raw) && raw.length >= 5) {
    const [key, from, slot, to, index, type] = raw;
    return { key: numberOf(key), from: wordOf(from), slot: numberOf(slot), to: wordOf(to), index: numberOf(index), type: typeName(type), kept: {} };
  }
  if (!raw || typeof raw !== "object") return null;
  return {
    key: numberOf(raw.id), from: wordOf(raw.origin_id), slot: numberOf(raw.origin_slot), to: wordOf(raw.target_id),
    index: numberOf(raw.target_slot), type: typeName(raw.type), kept: without(raw, OWN_LINK),
  };
}
