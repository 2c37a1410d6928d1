/** Between documents and the prompt (API JSON) that the server runs. */

/** @import { Graph } from "../document.js" */
/** @import { Definitions, Link, Node, PromptNode } from "../types.js" */

import { Document, Transaction } from "../document.js";
import { newId, newUuid } from "../ids.js";
import { layeredPositions } from "../layout.js";
import { comfortableSize } from "../nodes.js";
import { slotsOf, titleOf } from "../slots.js";
import { typesMatch } from "../validate.js";

/** @typedef {{kind: "link", key: string, slot: number} | {kind: "value", value: any} | {kind: "none"}} Source */

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
 * The prompt of a graph: muted and bypassed nodes left out, reroutes and primitives resolved.
 * @param {Graph} graph @param {Definitions} definitions
 * @param {(node: Node, name: string, value: any) => any} resolve last word on a value (choices in text)
 * @returns {Record<string, PromptNode>}
 */
export function writePrompt(graph, definitions, resolve = (_node, _name, value) => value) {
  /** @type {Record<string, PromptNode>} */
  const prompt = {};
  for (const node of graph.nodes.values()) {
    if (node.mode !== "normal" || definitions.get(node.type)?.isVirtual) continue;
    /** @type {Record<string, any>} */
    const inputs = {};
    for (const { name, widget } of slotsOf(definitions, node).inputs) {
      const source = sourceOf(graph, definitions, graph.linkInto(node.id, name));
      if (source.kind === "link") inputs[name] = [source.key, source.slot];
      else if (source.kind === "value") inputs[name] = wrapped(source.value);
      else if (widget && node.values[name] !== undefined) inputs[name] = wrapped(resolve(node, name, node.values[name]));
    }
    prompt[node.key] = { class_type: node.type, inputs, _meta: { title: titleOf(definitions, node) } };
  }
  for (const entry of Object.values(prompt)) {
    for (const [name, value] of Object.entries(entry.inputs)) {
      if (Array.isArray(value) && !(value[0] in prompt)) delete entry.inputs[name];
    }
  }
  return prompt;
}

/** @param {any} value @returns {any} */
function wrapped(value) {
  return Array.isArray(value) ? { __value__: value } : value;
}

/**
 * Where the value of an input really comes from.
 * @param {Graph} graph @param {Definitions} definitions @param {Link | undefined} link
 * @returns {Source}
 */
function sourceOf(graph, definitions, link) {
  const seen = new Set();
  while (link && !seen.has(link.id)) {
    seen.add(link.id);
    const origin = graph.nodes.get(link.from);
    if (!origin || origin.mode === "mute") return { kind: "none" };
    if (origin.type === "PrimitiveNode") {
      const { value } = origin.values;
      return value === null || value === undefined ? { kind: "none" } : { kind: "value", value };
    }
    if (origin.type === "Reroute") link = graph.linksInto(origin.id)[0];
    else if (origin.mode === "bypass") link = bypassed(graph, definitions, origin, link);
    else if (definitions.get(origin.type)?.isVirtual) return { kind: "none" };
    else return { kind: "link", key: origin.key, slot: link.slot };
  }
  return { kind: "none" };
}

/**
 * The link that a bypassed node lets through to an output: same place first, then the same type, then one that fits.
 * @param {Graph} graph @param {Definitions} definitions @param {Node} node @param {Link} link the link that leaves it
 * @returns {Link | undefined}
 */
function bypassed(graph, definitions, node, link) {
  const { inputs, outputs } = slotsOf(definitions, node);
  const target = graph.nodes.get(link.to);
  const wanted = target && slotsOf(definitions, target).inputs.find((slot) => slot.name === link.input)?.type;
  const given = outputs[link.slot]?.type ?? link.type;
  const sockets = inputs.filter((slot) => !slot.widget || graph.linkInto(node.id, slot.name));
  const type = wanted === undefined || wanted === "*" ? given : wanted;
  const fits = (/** @type {{type: string} | undefined} */ slot) =>
    slot !== undefined && typesMatch(slot.type, type) && typesMatch(slot.type, given);
  const same = sockets[link.slot];
  const chosen = fits(same) ? same : sockets.find((slot) => slot.type === type) ?? sockets.find(fits);
  return chosen && graph.linkInto(node.id, chosen.name);
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
      change.put("link", { id: newId(), key: number++, from, slot: Number(value[1]), to, input, type, kept: {} });
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
  for (const { name, widget } of definition?.inputs ?? []) {
    if (widget) values[name] = widget.fallback;
    if (widget?.seeded) controls[name] = "fixed";
  }
  for (const [name, value] of inputs) if (!isLink(value)) values[name] = value?.__value__ ?? value;
  const known = new Set(definition?.inputs.map((input) => input.name));
  const sockets = inputs.filter(([name, value]) => isLink(value) && !known.has(name));
  const title = entry._meta?.title;
  return {
    id: newId(), key, type: entry.class_type, title: title && title !== definition?.name ? title : null,
    position: [0, 0], size: definition ? comfortableSize(definition) : [260, 60 + 24 * inputs.length], z, mode: "normal",
    collapsed: false, color: null, values: Object.freeze(values), controls: Object.freeze(controls),
    inputs: sockets.map(([name]) => ({ name, type: "*", kept: {} })), outputs: [], kept: {},
  };
}
