/** Finds out what a dropped or opened file holds: a workflow, a prompt, or neither. */

/** @import { Definitions } from "../types.js" */
/** @import { Opened } from "./read.js" */

import { parseJson } from "./json.js";
import { isPng, readPngText, readWebpText } from "./png.js";
import { isPrompt, readPrompt } from "./prompt.js";
import { isWorkflow, readWorkflow } from "./read.js";

/**
 * The workflow in some bytes, or null when a picture carries none. Throws with a sentence when a file cannot be used.
 * @param {ArrayBuffer} buffer @param {Definitions} definitions
 * @returns {Promise<Opened | null>}
 */
export async function openBytes(buffer, definitions) {
  const head = new TextDecoder("latin1").decode(new Uint8Array(buffer, 0, Math.min(12, buffer.byteLength)));
  if (isPng(buffer)) return openTexts(await readPngText(buffer), definitions);
  if (head.startsWith("RIFF") && head.endsWith("WEBP")) return openTexts(readWebpText(buffer), definitions);
  return openJson(parse(new TextDecoder().decode(buffer)), definitions);
}

/**
 * The document in parsed JSON: editor or API form, alone or in a wrapper.
 * @param {any} json @param {Definitions} definitions
 * @returns {Opened}
 */
export function openJson(json, definitions) {
  if (isWorkflow(json)) return readWorkflow(json, definitions);
  if (isPrompt(json)) return readPrompt(json, definitions);
  for (const inner of [json?.workflow, json?.prompt]) {
    if (isWorkflow(inner) || isPrompt(inner)) return openJson(inner, definitions);
  }
  throw new Error("This file is neither a workflow nor a prompt.");
}

/** @param {Record<string, string>} texts @param {Definitions} definitions @returns {Opened | null} */
function openTexts(texts, definitions) {
  for (const name of ["workflow", "prompt"]) {
    if (!texts[name]) continue;
    const json = parse(texts[name]);
    if (isWorkflow(json) || isPrompt(json)) return openJson(json, definitions);
  }
  return null;
}

/** Words that Python writes into JSON and that JSON does not have; texts are passed over. */
const STRANGE = /"[^"\\]*(?:\\.[^"\\]*)*"|\bNaN\b|-?\bInfinity\b/g;

/** @param {string} text @returns {any} */
function parse(text) {
  try {
    return parseJson(text);
  } catch {
    try {
      return parseJson(text.replace(STRANGE, (token) => (token[0] === '"' ? token : "null")));
    } catch {
      throw new Error("This file is not valid JSON.");
    }
  }
}
