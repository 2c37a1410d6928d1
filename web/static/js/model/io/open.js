/** Opens JSON of any form: a workflow, a prompt, or a wrapper of one. */

/** @import { Definitions } from "../types.js" */
/** @import { Opened } from "./read.js" */

import { hasGroupNodes, readGroupNodes } from "./groupnodes.js";
import { parseJson } from "./json.js";
import { isPrompt, readPrompt } from "./prompt.js";
import { isWorkflow, readWorkflow } from "./read.js";

/** More nodes than these would hold the page up for longer than anybody waits. */
const MOST_NODES = 100_000;

/**
 * The document in parsed JSON: editor or API form, alone or in a wrapper.
 * @param {any} json @param {Definitions} definitions
 * @returns {Opened}
 */
export function openJson(json, definitions) {
  const count = countOf(json);
  if (count > MOST_NODES) throw new Error(`This workflow has ${count} nodes; ${MOST_NODES} are the most that can be opened.`);
  if (isWorkflow(json)) return hasGroupNodes(json) ? readGroupNodes(json, definitions) : readWorkflow(json, definitions);
  if (isPrompt(json)) return readPrompt(json, definitions);
  for (const inner of [json?.workflow, json?.prompt]) {
    if (isWorkflow(inner) || isPrompt(inner)) return openJson(inner, definitions);
  }
  throw new Error("This file is neither a workflow nor a prompt.");
}

/** How many nodes a file holds, those of its subgraphs too. @param {any} json @returns {number} */
function countOf(json) {
  if (isPrompt(json)) return Object.keys(json).length;
  const graphs = [json, ...(Array.isArray(json?.definitions?.subgraphs) ? json.definitions.subgraphs : [])];
  return graphs.reduce((sum, graph) => sum + (Array.isArray(graph?.nodes) ? graph.nodes.length : 0), 0);
}

/** Words that Python writes into JSON and that JSON does not have; texts are passed over. */
const STRANGE = /"[^"\\]*(?:\\.[^"\\]*)*"|\bNaN\b|-?\bInfinity\b/g;

/**
 * Parses JSON as programs write it; throws with a sentence when it is none.
 * @param {string} text
 * @returns {any}
 */
export function parseText(text) {
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
