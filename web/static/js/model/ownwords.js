/** A drop-down whose words a person writes on the node itself, each in a row below it: what the files call CustomCombo. */

/** @import { InputDefinition, Node } from "./types.js" */

export const OWN_WORDS = "CustomCombo";

/** @param {number} index counted from 0 @returns {string} the name of the row */
const rowName = (index) => `option${index + 1}`;

/**
 * The words, empty rows between them included.
 * @param {Readonly<Record<string, any>>} values
 * @returns {string[]}
 */
function wordsOf(values) {
  const numbers = Object.keys(values).map((name) => Number(/^option([1-9]\d{0,3})$/.exec(name)?.[1] ?? 0));
  const words = Array.from({ length: Math.max(0, ...numbers) }, (_none, index) => String(values[rowName(index)] ?? ""));
  while (words.at(-1) === "") words.pop();
  return words;
}

/**
 * The drop-down with its words, the rows in which they are written, and a row to spare.
 * @param {InputDefinition} choice @param {Readonly<Record<string, any>>} values @param {import("./types.js").Widget} text
 * @returns {InputDefinition[]}
 */
export function ownInputs(choice, values, text) {
  const words = wordsOf(values);
  const widget = choice.widget && Object.freeze({ ...choice.widget, options: words.filter(Boolean), fallback: words.find(Boolean) ?? "" });
  const rows = [...words, ""].map((_word, index) => Object.freeze({
    name: rowName(index), label: `option ${index + 1}`, type: "STRING", optional: true, tooltip: "", widget: text,
  }));
  return [Object.freeze({ ...choice, widget }), ...rows];
}

/** @param {Node} node @param {any} choice @returns {number} which of its words that is, counted from 0 */
export function placeOf({ values }, choice) {
  return Math.max(0, wordsOf(values).filter(Boolean).indexOf(choice));
}

/**
 * Values from a list: the chosen word, its place (older files have none), the words and an empty one.
 * @param {readonly any[]} list
 * @returns {Record<string, any>}
 */
export function readOwn([choice, place, ...rest]) {
  const words = typeof place === "number" || place === undefined ? rest : [place, ...rest];
  return namedOwn({ choice, ...Object.fromEntries(words.map((word, index) => [rowName(index), word])) });
}

/** @param {Record<string, any>} named @returns {Record<string, any>} without the place, which follows from the rest */
export function namedOwn(named) {
  const words = wordsOf(named);
  return { choice: String(named.choice ?? ""), ...Object.fromEntries(words.map((word, index) => [rowName(index), word])) };
}

/** @param {Node} node @returns {{list: any[], named: Record<string, any>}} */
export function writeOwn(node) {
  const words = wordsOf(node.values);
  const choice = node.values.choice ?? "";
  const index = placeOf(node, choice);
  return { list: [choice, index, ...words, ""], named: { ...namedOwn(node.values), choice, index } };
}
