/** Finds entries by a few typed letters: whole words first, then beginnings, then letters in order. */

/** A text as it is searched: in small letters without accents, so that "etapes" finds "Étapes". @param {string} text @returns {string} */
export function folded(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/**
 * How well a text answers some words, or 0 when it does not. Every word must be found.
 * @param {readonly string[]} words folded @param {string} text folded
 * @returns {number}
 */
function score(words, text) {
  let total = 0;
  for (const word of words) {
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
  if (at > 0) return beginsWord(text, at) ? 80 : 50;
  return word.length > 1 ? scoreLetters(word, text) : 0;
}

/** Whether what stands before is no letter and no digit. @param {string} text folded @param {number} at @returns {boolean} */
function beginsWord(text, at) {
  if (at === 0) return true;
  const code = text.charCodeAt(at - 1);
  return !((code >= 97 && code <= 122) || (code >= 48 && code <= 57));
}

/**
 * Letters in order, the better the closer they stand and the more of them begin a word.
 * @param {string} word two letters at least @param {string} text
 * @returns {number}
 */
function scoreLetters(word, text) {
  let position = -1;
  let starts = 0;
  let gaps = 0;
  for (const letter of word) {
    const next = text.indexOf(letter, position + 1);
    if (next < 0) return 0;
    if (beginsWord(text, next)) starts += 1;
    if (position >= 0) gaps += next - position - 1;
    position = next;
  }
  const quality = 30 * (starts / word.length) - gaps;
  return quality > -2 * word.length ? Math.max(1, 15 + quality) : 0;
}

/**
 * All fields are folded, the first counts most; `whole` are all of them and `letters` which letters they have, once they were searched.
 * @template T
 * @typedef {{item: T, fields: readonly string[], whole?: string, letters?: number}} Entry
 */

/** Which of the letters a to z are in a text, as bits. @param {string} text folded @returns {number} */
function lettersOf(text) {
  let letters = 0;
  for (let index = 0; index < text.length; index += 1) {
    const place = text.charCodeAt(index) - 97;
    if (place >= 0 && place < 26) letters |= 1 << place;
  }
  return letters;
}

/** @param {readonly string[]} words @param {readonly string[]} fields @param {string} whole @returns {number} */
function scoreFields(words, fields, whole) {
  let best = 0;
  let weight = 1;
  for (const field of fields) {
    best = Math.max(best, score(words, field) * weight);
    weight *= 0.8;
  }
  return best > 0 ? best : score(words, whole) * 0.3;
}

/** What each entry of the search that runs counts, by its place: kept, so that a key leaves nothing behind. */
let scores = new Float64Array(0);

/**
 * The best entries for a query; all of them, in their order, for an empty one.
 * @template T
 * @param {readonly Entry<T>[]} entries @param {string} query @param {number} limit
 * @returns {T[]}
 */
export function find(entries, query, limit = 60) {
  const words = folded(query).split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return entries.slice(0, limit).map((entry) => entry.item);
  const letters = lettersOf(words.join(""));
  if (scores.length < entries.length) scores = new Float64Array(entries.length);
  /** @type {number[]} */
  const found = [];
  for (let place = 0; place < entries.length; place += 1) {
    const entry = entries[place];
    entry.whole ??= entry.fields.join(" ");
    entry.letters ??= lettersOf(entry.whole);
    if ((letters & ~entry.letters) !== 0) continue;
    scores[place] = scoreFields(words, entry.fields, entry.whole);
    if (scores[place] > 0) found.push(place);
  }
  found.sort((one, other) => scores[other] - scores[one] || one - other);
  return found.slice(0, limit).map((place) => entries[place].item);
}
