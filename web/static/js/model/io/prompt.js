/** Reads prompts (API JSON) as documents. */

/** @import { Definitions, Node, PromptNode } from "../types.js" */
/** @import { Doubt, Opened } from "./read.js" */

import { Document, Transaction } from "../document.js";
import { ENTRY, EXIT, isGrown, liveInputs, rowCounts } from "../definitions.js";
import { newId, newUuid } from "../ids.js";
import { layeredPositions } from "../layout.js";
import { comfortableSize } from "../nodes.js";
import { slotsOf } from "../slots.js";
import { Numbers, readTitle, recordOf } from "./raw.js";

const MOST_OUTPUTS = 256;

/**
 * Whether some JSON is a prompt.
 * @param {any} json
 * @returns {boolean}
 */
export function isPrompt(json) {
  if (!json || typeof json !== "object" || Array.isArray(json)) return false;
  const entries = Object.values(json);
  return entries.length > 0 && entries.every((entry) => typeof entry?.class_type === "string");
}

/**
 * A document built from a prompt, laid out in columns. Unknown types keep their values.
 * @param {Record<string, PromptNode>} prompt @param {Definitions} definitions
 * @returns {Opened}
 */
export function readPrompt(prompt, definitions) {
  const document = new Document(newUuid());
  const change = new Transaction(document);
  /** @type {Doubt[]} */
  const doubts = [];
  const entries = Object.entries(prompt).filter(([, entry]) => entry.class_type !== ENTRY && entry.class_type !== EXIT);
  const outputs = outputsUsed(entries.map(([, entry]) => entry));
  const keys = new Numbers(entries.map(([key]) => key));
  /** @type {Map<string, Node>} */
  const nodes = new Map();
  for (const [key, entry] of entries) {
    const node = promptNode(entry, keys.key(key.replaceAll(":", "_")), nodes.size, definitions, outputs.get(key) ?? 0);
    nodes.set(key, node);
    change.put("node", node);
  }
  let number = 1;
  for (const [key, entry] of entries) {
    const to = /** @type {Node} */ (nodes.get(key));
    for (const [input, value] of Object.entries(recordOf(entry.inputs))) {
      if (!isLink(value)) continue;
      const from = nodes.get(String(value[0]));
      if (!from || value[1] >= slotsOf(definitions, from).outputs.length) {
        doubts.push({ key: to.key, text: `"${input}" was linked to output ${value[1]} of node ${String(value[0])}, which is not there.` });
        continue;
      }
      const type = slotsOf(definitions, from).outputs[value[1]]?.type ?? "*";
      change.put("link", {
        id: newId(), key: number++, from: from.id, slot: value[1], to: to.id, input, type, via: null, hidden: false, kept: {},
      });
    }
  }
  for (const [id, position] of layeredPositions(document.root)) change.put("node", { ...change.node(id), position });
  return { document, doubts };
}

/** @param {any} value @returns {boolean} */
function isLink(value) {
  return Array.isArray(value) && value.length === 2 && ["string", "number"].includes(typeof value[0]) &&
    Number.isInteger(value[1]) && value[1] >= 0;
}

/**
 * How many outputs of each node are linked to, as far as anyone can tell.
 * @param {readonly PromptNode[]} entries
 * @returns {Map<string, number>}
 */
function outputsUsed(entries) {
  /** @type {Map<string, number>} */
  const used = new Map();
  for (const value of entries.flatMap((entry) => Object.values(recordOf(entry.inputs))).filter(isLink)) {
    const [key, slot] = [String(value[0]), value[1]];
    if (slot < MOST_OUTPUTS) used.set(key, Math.max(used.get(key) ?? 0, slot + 1));
  }
  return used;
}

/**
 * @param {PromptNode} entry @param {string} key @param {number} z @param {Definitions} definitions
 * @param {number} outputs how many it has at least, where its type is unknown
 * @returns {Node}
 */
function promptNode(entry, key, z, definitions, outputs) {
  const definition = definitions.get(entry.class_type);
  /** @type {Record<string, any>} */
  const values = {};
  /** @type {Record<string, any>} */
  const controls = {};
  const inputs = Object.entries(recordOf(entry.inputs)).filter(([name]) => !(name in {}));
  for (const [name, value] of inputs) if (!isLink(value)) values[name] = value?.__value__ ?? value;
  if (definition) Object.assign(values, rowCounts(definition, recordOf(entry.inputs)));
  const live = definition ? liveInputs(definition, { values }) : [];
  for (const { name, widget } of live) {
    if (widget) values[name] ??= widget.fallback;
    if (widget?.seeded) controls[name] = "fixed";
  }
  const known = new Set(live.filter((input) => !isGrown(definition, input.name)).map((input) => input.name));
  const sockets = inputs.filter(([name, value]) => isLink(value) && !known.has(name));
  const title = readTitle(entry._meta?.title);
  return {
    id: newId(), key, type: entry.class_type, title: title && title !== definition?.name ? title : null,
    position: [0, 0], size: definition ? comfortableSize(definition) : [260, 60 + 24 * inputs.length], z, mode: "normal",
    collapsed: false, color: null, values: Object.freeze(values), controls: Object.freeze(controls),
    inputs: sockets.map(([name]) => ({ name, type: "*", kept: {} })),
    outputs: definition ? [] : Array.from({ length: outputs }, (_none, index) => ({ name: `output ${index}`, type: "*", kept: {} })), kept: {},
  };
}
