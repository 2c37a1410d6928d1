/** What files carry, as packs read it: an object of texts by name. */

import { readTexts } from "../js/model/io/media/texts.js";
import { lacking } from "./page.js";

/** @param {Blob} file @returns {Promise<Record<string, string>>} */
async function textsOf(file) {
  return Object.fromEntries(await readTexts(file) ?? []);
}

export const getPngMetadata = textsOf;
export const getWebpMetadata = textsOf;
export const getFlacMetadata = textsOf;
export const getLatentMetadata = textsOf;

export function importA1111() {
  lacking("importA1111");
}
