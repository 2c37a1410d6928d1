/** Finds entries by a few typed letters: whole words first, then beginnings, then letters in order. */

/**
 * How well a text answers a query, or 0 when it does not. Every word of the query must be found.
 * @param {string} query lower case @param {string} text lower case
 * @returns {number}
 */
export function score(query, text) {
  let total = 0;
  for (const word of query.split(/\s+/)) {
    if (word === "") continue;
    const found = scoreWord(word, text);
    if (found === 0) return 0;
    total += found;
  }
  return total / (1 + text.length / 200);
}

/** @param {string} word @param {string} text @returns {number} */
function scoreWord(word, text) {
  const at = text.indexOf(word);
  if (at === 0) return text.length === word.length ? 120 : 100;
  if (at > 0) return /[a-z0-9]/.test(text[at - 1]) ? 50 : 80;
  return scoreLetters(word, text);
}

/**
 * Letters in order, the better the closer they stand and the more of them begin a word.
 * @param {string} word @param {string} text
 * @returns {number}
 */
function scoreLetters(word, text) {
  let position = -1;
  let starts = 0;
  let gaps = 0;
  for (const letter of word) {
    const next = text.indexOf(letter, position + 1);
    if (next < 0) return 0;
    if (next === 0 || !/[a-z0-9]/.test(text[next - 1])) starts += 1;
    if (position >= 0) gaps += next - position - 1;
    position = next;
  }
  const quality = 30 * (starts / word.length) - gaps;
  return word.length > 1 && quality > -2 * word.length ? Math.max(1, 15 + quality) : 0;
}

/**
 * @template T
 * @typedef {{item: T, fields: readonly string[]}} Entry the first field counts most
 */

/**
 * The best entries for a query; all of them, in their order, for an empty one.
 * @template T
 * @param {readonly Entry<T>[]} entries @param {string} query @param {number} limit
 * @returns {T[]}
 */
export function find(entries, query, limit = 60) {
  const wanted = query.trim().toLowerCase();
  if (wanted === "") return entries.slice(0, limit).map((entry) => entry.item);
  const found = [];
  for (const [order, entry] of entries.entries()) {
    let best = 0;
    for (const [rank, field] of entry.fields.entries()) best = Math.max(best, score(wanted, field) * 0.8 ** rank);
    const joined = best === 0 ? score(wanted, entry.fields.join(" ")) * 0.3 : best;
    if (joined > 0) found.push({ item: entry.item, score: joined, order });
  }
  found.sort((one, other) => other.score - one.score || one.order - other.order);
  return found.slice(0, limit).map((entry) => entry.item);
}
