/** Reads subgraphs: their two boundary nodes, and the four layouts in which files keep promoted values. */

/** @import { Document, Transaction } from "../document.js" */
/** @import { Definition, Definitions, Node, StoredSlot } from "../types.js" */
/** @import { Doubt } from "./read.js" */

import { connect } from "../commands.js";
import { ENTRY, EXIT } from "../definitions.js";
import { newId } from "../ids.js";
import { inputSlot } from "../slots.js";
import { entryOf, withSubgraphs } from "../subgraphs.js";
import { readPair, typeName, without } from "./raw.js";
import { withoutWays } from "./read.js";

const OWN = new Set(["id", "name", "nodes", "links", "groups", "reroutes", "floatingLinks", "inputs", "outputs", "version"]);
export const CONTROLS = "sfumato.controls";

/**
 * The subgraphs of a file, also those that are nested in others. What cannot be read stays with the document as it is.
 * @param {any} json @param {Document} document
 * @returns {{id: string, name: string, kept: any, json: any}[]}
 */
export function readableSubgraphs(json, document) {
  const found = new Map();
  /** @type {any[]} */
  const unreadable = [];
  const waiting = [json];
  for (const outer of waiting) {
    const list = outer?.definitions?.subgraphs;
    for (const raw of Array.isArray(list) ? list : []) {
      if (typeof raw?.id === "string" && raw.id !== document.root.id && Array.isArray(raw.nodes)) {
        if (found.has(raw.id)) continue;
        const { definitions: _nested, ...kept } = without(raw, OWN);
        found.set(raw.id, { id: raw.id, name: String(raw.name ?? "Subgraph"), kept: Object.freeze(withoutWays(kept)), json: raw });
        waiting.push(raw);
      } else if (outer === json) unreadable.push(raw);
    }
  }
  if (json.definitions) document.kept = { ...document.kept, definitions: { ...json.definitions, subgraphs: unreadable } };
  return [...found.values()];
}

/** @param {any} list @returns {StoredSlot[]} */
function interfaceSlots(list) {
  return (Array.isArray(list) ? list : []).map((raw) => Object.freeze({
    name: String(raw?.name ?? ""), type: typeName(raw?.type),
    kept: Object.freeze({ ...without(raw ?? {}, new Set(["name", "type", "linkIds"])), id: String(raw?.id ?? newId()) }),
  }));
}

/**
 * Adds the nodes that stand for the sockets of a subgraph.
 * @param {Transaction} change @param {any} json the subgraph
 * @returns {Map<string, Node>} by the key that links of the file know
 */
export function addBoundaries(change, json) {
  /** @type {Map<string, Node>} */
  const byKey = new Map();
  for (const [key, type, raw] of /** @type {const} */ ([["-10", ENTRY, json.inputNode], ["-20", EXIT, json.outputNode]])) {
    const slots = interfaceSlots(type === ENTRY ? json.inputs : json.outputs);
    const [x, y] = readPair(raw?.bounding, [type === ENTRY ? -260 : 900, 60]);
    const node = boundaryNode(type, key, [x, y + 30], slots, raw ? without(raw, new Set(["id", "bounding"])) : {});
    change.put("node", node);
    byKey.set(key, node);
  }
  return byKey;
}

/**
 * An entry or exit node.
 * @param {string} type @param {string} key @param {readonly [number, number]} position @param {readonly StoredSlot[]} slots
 * @param {any} kept
 * @returns {Node}
 */
export function boundaryNode(type, key, position, slots, kept = {}) {
  return Object.freeze({
    id: newId(), key, type, title: null, position, size: /** @type {[number, number]} */ ([150, 30 + 20 * slots.length]), z: 0,
    mode: /** @type {const} */ ("normal"), collapsed: false, color: null, values: {}, controls: {},
    inputs: type === EXIT ? slots : [], outputs: type === ENTRY ? slots : [], kept,
  });
}

/**
 * Widgets that a file promotes by naming them (`proxyWidgets`) and not by a link get the link.
 * @param {Transaction} change @param {Definitions} catalogue
 */
export function promoteWidgets(change, catalogue) {
  const { document } = change;
  for (const graph of [...document.graphs.values()]) {
    for (const node of [...graph.nodes.values()]) {
      const proxies = node.kept.properties?.proxyWidgets;
      if (!document.subgraphs.has(node.type) || !Array.isArray(proxies)) continue;
      const within = change.at(node.type);
      for (const proxy of proxies) if (Array.isArray(proxy)) promote(within, catalogue, String(proxy[0]), String(proxy[1]));
    }
  }
}

/** @param {Transaction} change @param {Definitions} catalogue @param {string} key @param {string} name */
function promote(change, catalogue, key, name) {
  const target = key === "-1" ? undefined : change.graph.nodeByKey(key);
  const entry = entryOf(change.graph);
  if (!target || !entry || name.startsWith("$$") || change.graph.linkInto(target.id, name)) return;
  if (!catalogue.has(target.type) || !inputSlot(catalogue, target, name)?.widget) return;
  connect(change, catalogue, entry.id, entry.outputs.length, target.id, name);
}

/**
 * Gives every instance its own values, whichever layout the file has.
 * @param {Transaction} change @param {Definitions} catalogue @param {Doubt[]} doubts
 */
export function fillInstances(change, catalogue, doubts) {
  eachInstance(change, catalogue, (node, definition) => withStored(node, definition, doubts));
  eachInstance(change, catalogue, withFallbacks);
}

/**
 * @param {Transaction} change @param {Definitions} catalogue @param {(node: Node, definition: Definition) => Node} alter
 */
function eachInstance(change, catalogue, alter) {
  const { document } = change;
  const definitions = withSubgraphs(document, catalogue);
  for (const graph of [...document.graphs.values()]) {
    for (const node of [...graph.nodes.values()]) {
      const definition = document.subgraphs.has(node.type) && definitions.get(node.type);
      if (definition) change.at(graph.id).put("node", alter(node, definition));
    }
  }
}

/**
 * An instance that says nothing of a value has the one inside.
 * @param {Node} node @param {Definition} definition
 * @returns {Node}
 */
function withFallbacks(node, definition) {
  const values = { ...node.values };
  for (const { name, widget } of definition.inputs) if (widget) values[name] ??= widget.fallback;
  return { ...node, values: Object.freeze(values) };
}

/** @param {Node} node @param {Definition} definition @param {Doubt[]} doubts @returns {Node} */
function withStored(node, definition, doubts) {
  const { widgets_values: list, widgets_values_named: named, properties = {}, ...kept } = node.kept;
  const { proxyWidgets, proxyWidgetErrorQuarantine, [CONTROLS]: controls, ...rest } = properties;
  const promoted = definition.inputs.filter((input) => input.widget);
  const stored = storedValues(promoted.map((input) => input.name), list, named, proxyWidgets);
  for (const entry of Array.isArray(proxyWidgetErrorQuarantine) ? proxyWidgetErrorQuarantine : []) {
    const [key, name] = entry?.originalEntry ?? [];
    if (String(key) === "-1" && entry.hostValue !== undefined) stored[name] = entry.hostValue;
  }
  /** @type {Record<string, any>} */
  const values = {};
  /** @type {Record<string, any>} */
  const modes = {};
  for (const { name, widget } of promoted) {
    if (stored[name] !== undefined) values[name] = stored[name];
    if (widget?.seeded) modes[name] = controls?.[name] ?? "fixed";
  }
  const strange = Object.keys(stored).filter((name) => !promoted.some((input) => input.name === name));
  if (strange.length > 0) doubts.push({ key: node.key, text: `The subgraph has no value called ${strange.join(", ")}.` });
  return {
    ...node, values: Object.freeze(values), controls: Object.freeze(modes),
    kept: Object.freeze({ ...kept, properties: Object.freeze(rest) }),
  };
}

/**
 * @param {readonly string[]} names of promoted widgets, in order @param {any} list @param {any} named @param {any} proxies
 * @returns {Record<string, any>}
 */
function storedValues(names, list, named, proxies) {
  if (list && typeof list === "object" && !Array.isArray(list)) return { ...list };
  const values = Array.isArray(list) ? list : [];
  /** @type {[string, any][]} */
  let pairs = [];
  if (Array.isArray(proxies)) {
    pairs = proxies.flatMap((proxy, index) =>
      String(proxy?.[0]) === "-1" ? [/** @type {[string, any]} */ ([String(proxy[1]), values[index]])] : []);
  } else {
    const keys = named && typeof named === "object" ? Object.keys(named) : [];
    const isNamed = keys.length === values.length && keys.every((key) => names.includes(key));
    const order = isNamed ? keys : names;
    pairs = order.slice(0, values.length).map((name, index) => [name, values[index]]);
  }
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined && value !== null));
}
