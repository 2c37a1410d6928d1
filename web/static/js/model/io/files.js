/** Finds the workflow in a file of any kind: JSON, or the texts that pictures, films, sound and models carry. */

/** @import { Definitions } from "../types.js" */
/** @import { Opened } from "./read.js" */

import { readTexts } from "./media/texts.js";
import { openJson, parseText } from "./open.js";
import { isParameters, promptOf } from "./parameters.js";
import { isPrompt, readPrompt } from "./prompt.js";
import { isWorkflow } from "./read.js";

const LONGEST = 256 * 1024 * 1024;
const NAMED = /^\s*(workflow|prompt|parameters)\s*:\s*/i;

/**
 * The workflow in a file, or null when it is of a kind that may carry one and carries none.
 * Throws with a sentence when it is nothing that could.
 * @param {Blob} blob @param {Definitions} definitions
 * @returns {Promise<Opened | null>}
 */
export async function openFile(blob, definitions) {
  const texts = await readTexts(blob);
  if (texts !== null) return openTexts(texts, definitions);
  if (blob.size > LONGEST) throw new Error("This file is too large to be a workflow.");
  const text = (await blob.text()).replace(/^\ufeff/, "");
  if (isParameters(text) && !/^\s*[[{]/.test(text)) return openParameters(text, definitions);
  const json = parsed(text);
  if (json === undefined) throw new Error(/^\s*[[{]/.test(text) ? "This file is not valid JSON." : "No workflow can be read from a file of this kind.");
  return openJson(json, definitions);
}

/**
 * The workflow in named texts: what the editor keeps first, then a prompt, then the words of other programs.
 * @param {readonly (readonly [string, string])[]} texts @param {Definitions} definitions
 * @returns {Opened | null}
 */
export function openTexts(texts, definitions) {
  /** @type {{workflow: any[], prompt: any[], parameters: string[]}} */
  const found = { workflow: [], prompt: [], parameters: [] };
  for (const [name, text] of texts) sort(found, name.toLowerCase(), text);
  for (const json of [...found.workflow, ...found.prompt]) return openJson(json, definitions);
  for (const text of found.parameters) return openParameters(text, definitions);
  return null;
}

/** @param {{workflow: any[], prompt: any[], parameters: string[]}} found @param {string} name @param {string} text */
function sort(found, name, text) {
  const given = NAMED.exec(text);
  const rest = given ? text.slice(given[0].length) : text;
  const json = /^\s*["{]/.test(rest) ? parsed(rest.replace(/\0+\s*$/, "")) : undefined;
  const value = typeof json === "string" ? parsed(json) : json;
  if (isWorkflow(value)) found.workflow.push(value);
  else if (isPrompt(value)) found.prompt.push(value);
  else if (value && typeof value === "object" && (value.workflow || value.prompt)) {
    for (const inner of [value.workflow, value.prompt]) {
      if (inner && (name === "" || !["workflow", "prompt"].includes(name))) sort(found, "workflow", typeof inner === "string" ? inner : JSON.stringify(inner));
    }
  } else if (isParameters(rest)) found.parameters.push(rest);
}

/** @param {string} text @param {Definitions} definitions @returns {Opened} */
function openParameters(text, definitions) {
  const { document, doubts } = readPrompt(promptOf(text, definitions), definitions);
  const words = "This graph was rebuilt from words that another program left; it may differ in what those do not say.";
  return { document, doubts: [...doubts, { key: null, text: words }] };
}

/** @param {string} text @returns {any} undefined when it is no JSON */
function parsed(text) {
  try {
    return parseText(text);
  } catch {
    return undefined;
  }
}
