/** What files hold, taken with care: each reader gives the expected shape whatever it is given. */

/** @import { Kept } from "../types.js" */

/** @typedef {{key: number, from: string, slot: number, to: string, index: number, type: string, kept: Kept}} RawLink */

const OWN_LINK = new Set(["id", "origin_id", "origin_slot", "target_id", "target_slot", "type"]);

/** @param {any} value @returns {any[]} */
export function listOf(value) {
  return Array.isArray(value) ? value : [];
}

/** @param {any} value @returns {Record<string, any>} */
export function recordOf(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
}

/**
 * The fields of a record but for some.
 * @param {any} raw @param {ReadonlySet<string>} names
 * @returns {Record<string, any>}
 */
export function without(raw, names) {
  return Object.fromEntries(Object.entries(recordOf(raw)).filter(([name]) => !names.has(name)));
}

/** @param {any} type @returns {string} */
export function typeName(type) {
  if (Array.isArray(type)) return "COMBO";
  return typeof type === "string" && type !== "" ? type : "*";
}

/** @param {any} pair @param {[number, number]} fallback @returns {[number, number]} */
export function readPair(pair, fallback) {
  const numbers = [Number(pair?.[0]), Number(pair?.[1])];
  return Number.isFinite(numbers[0]) && Number.isFinite(numbers[1]) ? [numbers[0], numbers[1]] : fallback;
}

/**
 * A link in either form: an array of six, or an object.
 * @param {any} raw
 * @returns {RawLink | null}
 */
export function readLink(raw) {
  if (Array.isArray(raw) && raw.length >= 5) {
    const [key, from, slot, to, index, type] = raw;
    return { key: Number(key), from: String(from), slot: Number(slot), to: String(to), index: Number(index), type: typeName(type), kept: {} };
  }
  if (!raw || typeof raw !== "object") return null;
  return {
    key: Number(raw.id), from: String(raw.origin_id), slot: Number(raw.origin_slot), to: String(raw.target_id),
    index: Number(raw.target_slot), type: typeName(raw.type), kept: without(raw, OWN_LINK),
  };
}
