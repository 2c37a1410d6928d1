/** Weights in prompts: `(words:1.1)` is made, changed and taken away around what is selected or lies under the cursor. */

/** @typedef {Readonly<{from: number, to: number, text: string}>} Edit `text` takes the place of the letters from `from` to before `to` */

const WEIGHTED = /^\(([\s\S]*):([+-]?(?:\d+\.?\d*|\.\d+))\)$/;
const STOPS = /[\s,.;:/\\!?%^*{}=_`~()|]/;
const LARGEST = 10;

/**
 * The change that adds to the weight of some words; a weight of 1 needs no brackets.
 * @param {string} text @param {number} start @param {number} end what is selected; the same place twice where nothing is
 * @param {number} by what is added
 * @returns {Edit | null} null where there is no word
 */
export function reweigh(text, start, end, by) {
  let [from, to] = start === end ? unitAt(text, start) : trimmed(text, start, end);
  if (from >= to) return null;
  const around = /^:[+-]?(?:\d+\.?\d*|\.\d+)\)/.exec(text.slice(to));
  if (text[from - 1] === "(" && around) [from, to] = [from - 1, to + around[0].length];
  const [, words, weight] = WEIGHTED.exec(text.slice(from, to)) ?? ["", text.slice(from, to), "1"];
  const changed = Number(Math.max(0, Math.min(LARGEST, Number(weight) + by)).toFixed(4));
  return { from, to, text: changed === 1 ? words : `(${words}:${changed})` };
}

/** @param {string} text @param {number} start @param {number} end @returns {[number, number]} without the blanks at its ends */
function trimmed(text, start, end) {
  const chosen = text.slice(start, end);
  return [start + chosen.length - chosen.trimStart().length, end - (chosen.length - chosen.trimEnd().length)];
}

/** @param {string} text @param {number} at @returns {[number, number]} the brackets around a place that hold a weight, or the word there */
function unitAt(text, at) {
  for (let from = opening(text, at); from >= 0; from = opening(text, from)) {
    const to = closing(text, from);
    if (to >= at && WEIGHTED.test(text.slice(from, to + 1))) return [from, to + 1];
  }
  let [from, to] = [at, at];
  while (from > 0 && !STOPS.test(text[from - 1])) from -= 1;
  while (to < text.length && !STOPS.test(text[to])) to += 1;
  return [from, to];
}

/** @param {string} text @param {number} at @returns {number} the bracket that is open before a place, or -1 */
function opening(text, at) {
  let depth = 0;
  for (let index = at - 1; index >= 0; index -= 1) {
    if (text[index] === ")") depth += 1;
    else if (text[index] === "(" && depth-- === 0) return index;
  }
  return -1;
}

/** @param {string} text @param {number} from an opening bracket @returns {number} the one that closes it, or -1 */
function closing(text, from) {
  let depth = 0;
  for (let index = from; index < text.length; index += 1) {
    if (text[index] === "(") depth += 1;
    else if (text[index] === ")" && --depth === 0) return index;
  }
  return -1;
}
