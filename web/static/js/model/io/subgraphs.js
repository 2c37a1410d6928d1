/** Reads subgraphs: their two boundary nodes, and the four layouts in which files keep promoted values. */

/** @import { Document, Graph, Transaction } from "../document.js" */
/** @import { Definition, Definitions, Node, StoredSlot } from "../types.js" */
/** @import { Doubt } from "./read.js" */

import { connect, freeName, isBoundary, setValue } from "../commands.js";
import { ENTRY, EXIT } from "../definitions.js";
import { newId } from "../ids.js";
import { slotsOf } from "../slots.js";
import { entryOf, holdsSubgraph, reachableSubgraphs, withSubgraphs } from "../subgraphs.js";
import { isRecord, listOf, readPair, readTitle, recordOf, typeName, without, wordOf } from "./raw.js";
import { withoutWays } from "./read.js";
import { controlOf } from "./values.js";

const OWN = new Set(["id", "name", "nodes", "links", "groups", "reroutes", "floatingLinks", "inputs", "outputs", "version"]);
const OWN_SOCKET = new Set(["name", "type", "linkIds"]);
const OWN_BOUNDARY = new Set(["id", "bounding"]);
export const CONTROLS = "sfumato.controls";

/**
 * The subgraphs of a file, also those that are nested in others. What cannot be read stays with the document as it is.
 * @param {any} json @param {Document} document @param {Definitions} catalogue @param {Doubt[]} doubts
 * @returns {{id: string, name: string, kept: any, json: any}[]}
 */
export function readableSubgraphs(json, document, catalogue, doubts) {
  const found = new Map();
  /** @type {any[]} */
  const unreadable = [];
  const waiting = [json];
  for (const outer of waiting) {
    for (const raw of listOf(recordOf(outer.definitions).subgraphs)) {
      const isFree = typeof raw?.id === "string" && raw.id !== document.root.id && !catalogue.has(raw.id);
      if (isFree && Array.isArray(raw.nodes) && !found.has(raw.id)) {
        const { definitions: _nested, ...kept } = without(raw, OWN);
        const name = readTitle(raw.name) ?? "Subgraph";
        found.set(raw.id, { id: raw.id, name, kept: Object.freeze(withoutWays(kept)), json: raw });
        waiting.push(raw);
      } else {
        unreadable.push(raw);
        doubts.push({ key: null, text: `The subgraph “${readTitle(raw?.name) ?? "?"}” could not be read; the file keeps it.` });
      }
    }
  }
  if (isRecord(json.definitions)) document.kept = { ...document.kept, definitions: { ...json.definitions, subgraphs: unreadable } };
  return [...found.values()];
}

/** @param {any} list @returns {StoredSlot[]} */
function interfaceSlots(list) {
  const ids = new Set();
  /** @type {string[]} */
  const names = [];
  return listOf(list).map((raw) => {
    const id = (typeof raw?.id === "string" || typeof raw?.id === "number") && !ids.has(wordOf(raw.id)) ? wordOf(raw.id) : newId();
    ids.add(id);
    const name = freeName(wordOf(raw?.name), names);
    names.push(name);
    return Object.freeze({ name, type: typeName(raw?.type), kept: Object.freeze({ ...without(raw, OWN_SOCKET), id }) });
  });
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
    const node = boundaryNode(type, key, [x, y + 30], slots, raw ? without(raw, OWN_BOUNDARY) : {});
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
 * Widgets that a file promotes by naming them (`proxyWidgets`) and not by a link get the link. Inner subgraphs come first:
 * what they promote can be promoted again.
 * @param {Transaction} change @param {Definitions} catalogue
 */
function promoteWidgets(change, catalogue) {
  const { document } = change;
  const inside = [...reachableSubgraphs(document, document.root.id)].reverse();
  let definitions = withSubgraphs(document, catalogue);
  for (const id of [...inside, document.root.id]) {
    for (const node of [.../** @type {Graph} */ (document.graphs.get(id)).nodes.values()]) {
      const proxies = document.subgraphs.has(node.type) ? listOf(recordOf(node.kept.properties).proxyWidgets).filter(Array.isArray) : [];
      const within = change.at(node.type);
      const isNew = proxies.filter(([key, name]) => promote(within, definitions, wordOf(key), wordOf(name))).length > 0;
      if (isNew) definitions = withSubgraphs(document, catalogue);
    }
  }
}

/**
 * @param {Transaction} change @param {Definitions} definitions @param {string} key @param {string} name
 * @returns {boolean} whether a link was made
 */
function promote(change, definitions, key, name) {
  const target = key === "-1" ? undefined : change.graph.nodeByKey(key);
  const entry = entryOf(change.graph);
  if (!target || !entry || isBoundary(target) || name.startsWith("$$")) return false;
  if (target.type === "PrimitiveNode") return promotePrimitive(change, definitions, entry, target);
  const slots = slotsOf(definitions, target).inputs;
  const slot = slots.find((one) => one.name === name) ?? slots.find((one) => one.name === name.replace(/^\d+: /, ""));
  if (!slot?.widget || change.graph.linkInto(target.id, slot.name)) return false;
  connect(change, definitions, entry.id, entry.outputs.length, target.id, slot.name);
  return true;
}

/**
 * A primitive that is promoted gives its place and its value to the input of the subgraph.
 * @param {Transaction} change @param {Definitions} definitions @param {Node} entry @param {Node} primitive
 * @returns {boolean} whether it fed anything
 */
function promotePrimitive(change, definitions, entry, { id, values: { value } }) {
  const links = change.graph.linksFrom(id);
  for (const { to, input } of links) {
    if (value !== null && value !== undefined) setValue(change, to, input, value);
    connect(change, definitions, entry.id, entry.outputs.length, to, input);
  }
  if (links.length > 0) change.remove("node", id);
  return links.length > 0;
}

/**
 * Gives every instance its own values, whichever layout the file has.
 * @param {Transaction} change @param {Definitions} catalogue @param {Doubt[]} doubts
 */
export function fillInstances(change, catalogue, doubts) {
  promoteWidgets(change, catalogue);
  eachInstance(change, catalogue, (node, definition, within) => {
    for (const link of within.graph.linksFrom(node.id)) {
      if (link.slot < definition.outputs.length) continue;
      within.remove("link", link.id);
      doubts.push({ key: node.key, text: `A link left output ${link.slot} of this subgraph, which is not there.` });
    }
    return withStored(node, definition, doubts);
  });
  eachInstance(change, catalogue, withFallbacks);
  for (const { id, name } of change.document.subgraphs.values()) {
    const graph = /** @type {Graph} */ (change.document.graphs.get(id));
    const holds = [...graph.nodes.values()].some((node) => change.document.subgraphs.has(node.type) && holdsSubgraph(change.document, node.type, id));
    if (holds) doubts.push({ key: null, text: `The subgraph “${name}” contains itself, so it cannot run.` });
  }
}

/**
 * @param {Transaction} change @param {Definitions} catalogue @param {(node: Node, definition: Definition, within: Transaction) => Node} alter
 */
function eachInstance(change, catalogue, alter) {
  const { document } = change;
  const definitions = withSubgraphs(document, catalogue);
  for (const graph of [...document.graphs.values()]) {
    const within = change.at(graph.id);
    for (const node of [...graph.nodes.values()]) {
      const definition = document.subgraphs.has(node.type) && definitions.get(node.type);
      if (definition) within.put("node", alter(node, definition, within));
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
  const { widgets_values: list, widgets_values_named: named, properties, ...kept } = node.kept;
  const { proxyWidgets, proxyWidgetErrorQuarantine, [CONTROLS]: controls, ...rest } = recordOf(properties);
  const promoted = definition.inputs.filter((input) => input.widget);
  const stored = storedValues(promoted.map((input) => input.name), list, named, proxyWidgets);
  for (const entry of listOf(proxyWidgetErrorQuarantine)) {
    const [key, name] = listOf(entry?.originalEntry);
    if (wordOf(key) === "-1" && entry.hostValue !== undefined) stored.set(wordOf(name), entry.hostValue);
  }
  /** @type {Record<string, any>} */
  const values = {};
  /** @type {Record<string, any>} */
  const modes = {};
  for (const { name, widget } of promoted) {
    if (stored.has(name)) values[name] = stored.get(name);
    if (widget?.seeded) modes[name] = controlOf(recordOf(controls)[name]);
  }
  const strange = [...stored.keys()].filter((name) => !promoted.some((input) => input.name === name));
  if (strange.length > 0) doubts.push({ key: node.key, text: `The subgraph has no value called ${strange.join(", ")}.` });
  return {
    ...node, values: Object.freeze(values), controls: Object.freeze(modes),
    kept: Object.freeze({ ...kept, properties: Object.freeze(rest) }),
  };
}

/**
 * @param {readonly string[]} names of promoted widgets, in order @param {any} list @param {any} named @param {any} proxies
 * @returns {Map<string, any>}
 */
function storedValues(names, list, named, proxies) {
  if (isRecord(list)) return new Map(Object.entries(list));
  const values = listOf(list);
  /** @type {[string, any][]} */
  let pairs = [];
  if (Array.isArray(proxies)) {
    pairs = proxies.flatMap((proxy, index) =>
      wordOf(proxy?.[0]) === "-1" ? [/** @type {[string, any]} */ ([wordOf(proxy[1]), values[index]])] : []);
  } else {
    const keys = Object.keys(recordOf(named));
    const isNamed = keys.length === values.length && keys.every((key) => names.includes(key));
    const order = isNamed ? keys : names;
    pairs = order.slice(0, values.length).map((name, index) => [name, values[index]]);
  }
  return new Map(pairs.filter(([, value]) => value !== undefined && value !== null));
}
