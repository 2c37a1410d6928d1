/** What a run gave, in the form in which the page shows it, and the seeds that made it. */

/** @import { Store } from "../model/store.js" */
/** @import { Output, Seed } from "./board.js" */

import { viewUrl } from "./api.js";

/**
 * The seeds in a prompt.
 * @param {Record<string, any>} prompt @param {Pick<Store, "catalogue">} store
 * @returns {Seed[]}
 */
export function seedsOf(prompt, { catalogue }) {
  return Object.entries(prompt).flatMap(([key, { class_type, inputs }]) => (catalogue.get(class_type)?.inputs ?? [])
    .filter(({ name, widget }) => widget?.seeded && ["number", "bigint"].includes(typeof inputs?.[name]))
    .map(({ name }) => ({ key, name, value: inputs[name] })));
}

/** @param {any} output what a node showed @returns {Output} */
export function readOutput(output) {
  const lists = ["images", "a_images", "b_images"].map((key) => output[key]);
  const pictures = lists.flatMap((list) => (Array.isArray(list) ? list : []));
  const texts = Array.isArray(output.text) ? output.text : typeof output.text === "string" ? [output.text] : [];
  return {
    pictures: pictures.filter((/** @type {any} */ record) => record?.filename).map(viewUrl),
    texts: texts.map(String),
  };
}
