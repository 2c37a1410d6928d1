/** The words of node types in another language than that of the catalogue: names, descriptions, inputs, categories. */

/** @import { Definition, InputDefinition } from "./types.js" */

import { recordOf } from "./io/raw.js";

/**
 * The words of a language. `nodes` is what packs ship as `nodeDefs`; the others hold for all nodes. An output that `outputs`
 * does not name is called like the input of its name. "image2" is called like "image", with the number.
 * @typedef {Readonly<{nodes?: Readonly<Record<string, any>>, inputs?: Readonly<Record<string, string>>,
 *   outputs?: Readonly<Record<string, string>>, categories?: Readonly<Record<string, string>>}>} NodeTexts
 */

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
  const [, stem = "", number] = /^(.+?)[._]?(\d+)\.?$/.exec(name) ?? [];
  const word = wordIn(own(words, stem));
  return word && `${word} ${number}`;
}

/** @param {Record<string, any>} words @param {string} name @returns {string | undefined} */
function shared(words, name) {
  return wordIn(own(words, name)) ?? numbered(words, name);
}

/** @param {NonNullable<InputDefinition["grows"]>} grows @param {Record<string, any>} words @returns {InputDefinition["grows"]} */
function growthIn(grows, words) {
  const labels = grows.names.map((name) => name.slice(name.lastIndexOf(".") + 1));
  return Object.freeze({ ...grows, labels: labels.map((label) => numbered(words, label) ?? label) });
}

/** @param {InputDefinition} input @param {any} about @param {Record<string, any>} words @returns {InputDefinition} */
function inputIn(input, about, words) {
  const { name, tooltip } = recordOf(about);
  const label = wordIn(name) ?? shared(words, input.label ?? input.name) ?? input.label;
  const brings = input.brings && new Map([...input.brings].map(([word, inputs]) => [word, inputs.map((one) => inputIn(one, undefined, words))]));
  return Object.freeze({
    ...input, ...(label ? { label } : {}), tooltip: wordIn(tooltip) ?? input.tooltip, ...(brings ? { brings } : {}),
    ...(input.grows ? { grows: growthIn(input.grows, words) } : {}),
  });
}

/** @param {readonly NodeTexts[]} languages @param {"inputs" | "outputs" | "categories"} part @returns {Record<string, any>} */
function joined(languages, part) {
  return Object.assign({}, ...[...languages].reverse().map((one) => recordOf(one[part])));
}

/**
 * Gives node types the words of a language; what it does not know stays as it is.
 * @param {readonly NodeTexts[]} languages the first that knows a word gives it
 * @returns {(definition: Definition) => Definition}
 */
export function wording(languages) {
  const nodes = languages.map((one) => recordOf(one.nodes));
  const [inputs, outputs, categories] = [joined(languages, "inputs"), joined(languages, "outputs"), joined(languages, "categories")];
  return (definition) => {
    const about = recordOf(nodes.map((one) => own(one, definition.type)).find((one) => one !== undefined));
    const given = definition.outputs.map((output, index) => {
      const label = wordIn(recordOf(own(recordOf(about.outputs), String(index))).name) ?? shared(outputs, output.name) ?? shared(inputs, output.name);
      return label ? Object.freeze({ ...output, label }) : output;
    });
    return Object.freeze({
      ...definition, name: wordIn(about.display_name) ?? definition.name, description: wordIn(about.description) ?? definition.description,
      category: definition.category.split("/").map((part) => wordIn(own(categories, part)) ?? part).join("/"),
      inputs: definition.inputs.map((input) => inputIn(input, own(recordOf(about.inputs), input.name), inputs)), outputs: given,
    });
  };
}
