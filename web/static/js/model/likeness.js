/** How alike two names are, by the pairs of letters that they share (Dice's coefficient). */

/** @param {string} text @returns {Map<string, number>} how often each pair of letters occurs, without separators and file ending */
function pairs(text) {
  const letters = text.toLowerCase().replace(/\.[a-z]{2,11}$/, "").replace(/[^\p{L}\p{N}]+/gu, "").slice(0, 200);
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (let index = 0; index + 1 < letters.length; index += 1) {
    const pair = letters.slice(index, index + 2);
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  return counts;
}

/**
 * How alike two names are, from 0 to 1.
 * @param {string} one @param {string} other
 * @returns {number}
 */
export function likeness(one, other) {
  return shared(pairs(one), pairs(other));
}

/** @param {Map<string, number>} one @param {Map<string, number>} other @returns {number} */
function shared(one, other) {
  let both = 0;
  let total = 0;
  for (const [pair, count] of one) {
    both += Math.min(count, other.get(pair) ?? 0);
    total += count;
  }
  for (const count of other.values()) total += count;
  return total === 0 ? 0 : 2 * both / total;
}

/**
 * The names that are most like one, best first; none that has little in common with it.
 * @param {string} name @param {readonly string[]} names @param {number} limit
 * @returns {string[]}
 */
export function closest(name, names, limit) {
  const wanted = pairs(name);
  const scored = names.map((one) => ({ one, score: shared(wanted, pairs(one)) })).filter((entry) => entry.score > 0.4);
  return scored.sort((first, second) => second.score - first.score).slice(0, limit).map((entry) => entry.one);
}
