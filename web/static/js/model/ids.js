/** Identities that need no coordination: random for records, the next free number for the keys that files show. */

/** Random bytes that are fetched many at a time: a large file needs thousands of identities. */
const pool = new Uint8Array(4096);
let used = pool.length;

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";

/**
 * A random identity of 16 letters (82 bits).
 * @returns {string}
 */
export function newId() {
  if (used + 16 > pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  let id = "";
  for (const end = used + 16; used < end; used += 1) id += ALPHABET[pool[used] % 36];
  return id;
}

/**
 * A random UUID, also where the page is not a secure context.
 * @returns {string}
 */
export function newUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/**
 * The smallest number above every number among the keys, and above `floor`.
 * @param {Iterable<string | number>} keys
 * @param {number} floor
 * @returns {number}
 */
export function nextNumber(keys, floor = 0) {
  let highest = Number.isSafeInteger(floor) ? floor : 0;
  for (const key of keys) {
    const number = Number(key);
    if (Number.isSafeInteger(number) && number > highest) highest = number;
  }
  return highest + 1;
}
