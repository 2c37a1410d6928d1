/** What pictures carry, as packs read it. */

import { parseJson } from "../js/model/io/json.js";
import { readPngText, readWebpText } from "../js/model/io/png.js";
import { lacking } from "./page.js";

/** @param {Blob} file */
export async function getPngMetadata(file) {
  return readPngText(await file.arrayBuffer());
}

/** @param {Blob} file */
export async function getWebpMetadata(file) {
  return readWebpText(await file.arrayBuffer());
}

/** The header of a safetensors file. @param {Blob} file */
export async function getLatentMetadata(file) {
  const length = new DataView(await file.slice(0, 8).arrayBuffer()).getUint32(0, true);
  return parseJson(await file.slice(8, 8 + length).text()).__metadata__;
}

export function importA1111() {
  lacking("importA1111");
}
