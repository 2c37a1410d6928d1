/** The words of node types in another language than that of the catalogue: names, descriptions, inputs, categories. */

/** @import { Definition, InputDefinition } from "./types.js" */

import { recordOf } from "./io/raw.js";

/** @typedef {Readonly<Record<string, string>>} Words */
/**
 * The words of a language. `nodes` is what packs ship as `nodeDefs`; the others hold for all nodes, `tooltips` by what
 * they say in English. An output that `outputs` does not name is called like the input of its name. "image2" is called
 * like "image", with the number.
 * @typedef {Readonly<{nodes?: Readonly<Record<string, any>>, tooltips?: Words, inputs?: Words, outputs?: Words,
 *   categories?: Words}>} NodeTexts
 */
/** @typedef {Record<"tooltips" | "inputs" | "outputs" | "categories", Record<string, any>>} Shared */

/** @param {any} value @returns {string | undefined} */
function wordIn(value) {
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}

/** @param {Record<string, any>} record @param {string} name @returns {any} */
function own(record, name) {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** @param {Record<string, any>} words @param {string} name @returns {string | undefined} */
function numbered(words, name) {
  const [, stem = "", number] = /^(.+?)[._ ]?(\d+)\.?$/.exec(name) ?? [];
  const word = wordIn(own(words, stem));
  return word && `${word} ${number}`;
}

/** @param {Record<string, any>} words @param {string} name @returns {string | undefined} */
function shared(words, name) {
  return wordIn(own(words, name)) ?? numbered(words, name);
}

/** @template {{tooltip: string}} T @param {T} socket @param {Shared} words @returns {T} */
function explained(socket, words) {
  const tooltip = wordIn(own(words.tooltips, socket.tooltip));
  return tooltip ? Object.freeze({ ...socket, tooltip }) : socket;
}

/** @param {NonNullable<InputDefinition["grows"]>} grows @param {Shared} words @returns {InputDefinition["grows"]} */
function growthIn(grows, words) {
  const labels = grows.names.map((name) => name.slice(name.lastIndexOf(".") + 1));
  return Object.freeze({
    ...grows, labels: labels.map((label) => numbered(words.inputs, label) ?? label), socket: explained(grows.socket, words),
  });
}

/** @param {InputDefinition} input @param {any} about @param {Shared} words @returns {InputDefinition} */
function inputIn(input, about, words) {
  const { name, tooltip } = recordOf(about);
  const label = wordIn(name) ?? shared(words.inputs, input.label ?? input.name) ?? input.label;
  const brings = input.brings && new Map([...input.brings].map(([word, inputs]) => [word, inputs.map((one) => inputIn(one, undefined, words))]));
  return Object.freeze({
    ...input, ...(label ? { label } : {}), tooltip: wordIn(tooltip) ?? explained(input, words).tooltip, ...(brings ? { brings } : {}),
    ...(input.grows ? { grows: growthIn(input.grows, words) } : {}),
  });
}

/**
 * Gives node types the words of a language; what it does not know stays as it is.
 * @param {readonly NodeTexts[]} languages the first that knows a word gives it
 * @returns {(definition: Definition) => Definition}
 */
export function wording(languages) {
  const nodes = languages.map((one) => recordOf(one.nodes));
  const joined = (/** @type {keyof Shared} */ part) => Object.assign({}, ...[...languages].reverse().map((one) => recordOf(one[part])));
  const words = { tooltips: joined("tooltips"), inputs: joined("inputs"), outputs: joined("outputs"), categories: joined("categories") };
  return (definition) => {
    const about = recordOf(nodes.map((one) => own(one, definition.type)).find((one) => one !== undefined));
    const outputs = definition.outputs.map((output, index) => {
      const given = wordIn(recordOf(own(recordOf(about.outputs), String(index))).name);
      const label = given ?? shared(words.outputs, output.name) ?? shared(words.inputs, output.name);
      return Object.freeze({ ...explained(output, words), ...(label ? { label } : {}) });
    });
    return Object.freeze({
      ...definition, name: wordIn(about.display_name) ?? definition.name, description: wordIn(about.description) ?? definition.description,
      category: definition.category.split("/").map((part) => wordIn(own(words.categories, part)) ?? part).join("/"),
      inputs: definition.inputs.map((input) => inputIn(input, own(recordOf(about.inputs), input.name), words)), outputs,
    });
  };
}
