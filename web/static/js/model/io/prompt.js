/** Reads prompts (API JSON) as documents. */

/** @import { Definitions, Node, PromptNode } from "../types.js" */

import { Document, Transaction } from "../document.js";
import { isGrown, liveInputs } from "../definitions.js";
import { newId, newUuid } from "../ids.js";
import { layeredPositions } from "../layout.js";
import { comfortableSize } from "../nodes.js";
import { slotsOf } from "../slots.js";

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
 * @returns {Document}
 */
export function readPrompt(prompt, definitions) {
  const document = new Document(newUuid());
  const change = new Transaction(document);
  const keys = new Map(Object.keys(prompt).map((key) => [key, key.replaceAll(":", "_")]));
  /** @type {Map<string, string>} */
  const ids = new Map();
  for (const [key, entry] of Object.entries(prompt)) {
    const node = promptNode(entry, keys.get(key) ?? key, ids.size, definitions);
    ids.set(key, node.id);
    change.put("node", node);
  }
  let number = 1;
  for (const [key, entry] of Object.entries(prompt)) {
    for (const [input, value] of Object.entries(entry.inputs ?? {})) {
      const from = isLink(value) ? ids.get(String(value[0])) : undefined;
      if (from === undefined) continue;
      const to = /** @type {string} */ (ids.get(key));
      const type = slotsOf(definitions, change.node(from)).outputs[value[1]]?.type ?? "*";
      change.put("link", { id: newId(), key: number++, from, slot: Number(value[1]), to, input, type, via: null, hidden: false, kept: {} });
    }
  }
  for (const [id, position] of layeredPositions(document.root)) change.put("node", { ...change.node(id), position });
  return document;
}

/** @param {any} value @returns {boolean} */
function isLink(value) {
  return Array.isArray(value) && value.length === 2 && typeof value[1] === "number";
}

/** @param {PromptNode} entry @param {string} key @param {number} z @param {Definitions} definitions @returns {Node} */
function promptNode(entry, key, z, definitions) {
  const definition = definitions.get(entry.class_type);
  /** @type {Record<string, any>} */
  const values = {};
  /** @type {Record<string, any>} */
  const controls = {};
  const inputs = Object.entries(entry.inputs ?? {});
  for (const [name, value] of inputs) if (!isLink(value)) values[name] = value?.__value__ ?? value;
  const live = definition ? liveInputs(definition, { values }) : [];
  for (const { name, widget } of live) {
    if (widget) values[name] ??= widget.fallback;
    if (widget?.seeded) controls[name] = "fixed";
  }
  const known = new Set(live.filter((input) => !isGrown(definition, input.name)).map((input) => input.name));
  const sockets = inputs.filter(([name, value]) => isLink(value) && !known.has(name));
  const title = entry._meta?.title;
  return {
    id: newId(), key, type: entry.class_type, title: title && title !== definition?.name ? title : null,
    position: [0, 0], size: definition ? comfortableSize(definition) : [260, 60 + 24 * inputs.length], z, mode: "normal",
    collapsed: false, color: null, values: Object.freeze(values), controls: Object.freeze(controls),
    inputs: sockets.map(([name]) => ({ name, type: "*", kept: {} })), outputs: [], kept: {},
  };
}
