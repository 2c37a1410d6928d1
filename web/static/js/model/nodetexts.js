/** The words of node types in another language than that of the catalogue: names, descriptions, inputs, categories. */

/** @import { Definition, InputDefinition } from "./types.js" */

import { recordOf } from "./io/raw.js";

/**
 * The words of a language. `nodes` is what packs ship as `nodeDefs`; `inputs` and `categories` hold for all nodes.
 * @typedef {Readonly<{nodes?: Readonly<Record<string, any>>, inputs?: Readonly<Record<string, string>>,
 *   categories?: Readonly<Record<string, string>>}>} NodeTexts
 */

/** @param {any} value @returns {string | undefined} */
function wordIn(value) {
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}

/** @param {Record<string, any>} record @param {string} name @returns {any} */
function own(record, name) {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** @param {InputDefinition} input @param {any} about @param {Record<string, string>} shared @returns {InputDefinition} */
function inputIn(input, about, shared) {
  const { name, tooltip } = recordOf(about);
  const short = input.name.slice(input.name.lastIndexOf(".") + 1);
  const label = wordIn(name) ?? wordIn(own(shared, short));
  const brings = input.brings && new Map([...input.brings].map(([word, inputs]) => [word, inputs.map((one) => inputIn(one, undefined, shared))]));
  if (!label && !wordIn(tooltip) && !brings) return input;
  return Object.freeze({ ...input, ...(label ? { label } : {}), tooltip: wordIn(tooltip) ?? input.tooltip, ...(brings ? { brings } : {}) });
}

/**
 * Gives node types the words of a language; what it does not know stays as it is.
 * @param {readonly NodeTexts[]} languages the first that knows a word gives it
 * @returns {(definition: Definition) => Definition}
 */
export function wording(languages) {
  const nodes = languages.map((one) => recordOf(one.nodes));
  const shared = Object.assign({}, ...[...languages].reverse().map((one) => recordOf(one.inputs)));
  const categories = Object.assign({}, ...[...languages].reverse().map((one) => recordOf(one.categories)));
  return (definition) => {
    const about = recordOf(nodes.map((one) => own(one, definition.type)).find((one) => one !== undefined));
    const outputs = definition.outputs.map((output, index) => {
      const label = wordIn(recordOf(own(recordOf(about.outputs), String(index))).name);
      return label ? Object.freeze({ ...output, label }) : output;
    });
    return Object.freeze({
      ...definition, name: wordIn(about.display_name) ?? definition.name, description: wordIn(about.description) ?? definition.description,
      category: definition.category.split("/").map((part) => wordIn(own(categories, part)) ?? part).join("/"),
      inputs: definition.inputs.map((input) => inputIn(input, own(recordOf(about.inputs), input.name), shared)), outputs,
    });
  };
}
