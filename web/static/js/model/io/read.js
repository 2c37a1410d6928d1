/** Opens the ecosystem's editor JSON (0.4, and 1.0 with links as objects) as a document. */

/** @import { RawLink } from "./raw.js" */
/** @import { Ways } from "./reroutes.js" */
/** @import { Definitions, Group, Link, Node, NodeMode, StoredSlot } from "../types.js" */

import { ENTRY, isGrown } from "../definitions.js";
import { Document, Transaction } from "../document.js";
import { newId, newUuid } from "../ids.js";
import { readForm } from "./form.js";
import { readLink, readPair, typeName, without } from "./raw.js";
import { OWN_EXTRA, readFloating, readReroutes, readWay } from "./reroutes.js";
import { addBoundaries, fillInstances, promoteWidgets, readableSubgraphs } from "./subgraphs.js";
import { readValues } from "./values.js";

/** @typedef {Readonly<{key: string | null, text: string}>} Doubt */
/** @typedef {{document: Document, doubts: Doubt[]}} Opened */

/** @type {Record<number, NodeMode>} */
const MODES = { 2: "mute", 4: "bypass" };
const OWN_ROOT = new Set(["id", "nodes", "links", "groups", "version", "reroutes", "floatingLinks"]);
const OWN_NODE = new Set([
  "id", "type", "pos", "size", "mode", "title", "color", "inputs", "outputs", "order", "widgets_values", "widgets_values_named",
]);

/**
 * Whether some JSON is an editor workflow.
 * @param {any} json
 * @returns {boolean}
 */
export function isWorkflow(json) {
  return Boolean(json) && typeof json === "object" && Array.isArray(json.nodes);
}

/**
 * A document from editor JSON. What it could not place stands in `doubts`; unknown node types keep all they have.
 * @param {any} json @param {Definitions} definitions
 * @returns {Opened}
 */
export function readWorkflow(json, definitions) {
  if (!isWorkflow(json)) throw new Error("This is not a workflow: it has no list of nodes.");
  const document = new Document(typeof json.id === "string" ? json.id : newUuid(), withoutWays(without(json, OWN_ROOT)));
  const change = new Transaction(document);
  /** @type {Doubt[]} */
  const doubts = [];
  const subgraphs = readableSubgraphs(json, document);
  for (const { id, name, kept } of subgraphs) change.put("graph", { id, name, kept });
  for (const { id, json: inner } of subgraphs) {
    const within = change.at(id);
    readGraph(within, inner, definitions, doubts, addBoundaries(within, inner));
  }
  readGraph(change, json, definitions, doubts, new Map());
  if (subgraphs.length > 0) {
    promoteWidgets(change, definitions);
    fillInstances(change, definitions, doubts);
  }
  const form = readForm(json.extra, document);
  if (form) change.put("meta", { id: "form", value: form });
  return { document, doubts };
}

/**
 * @param {Transaction} change @param {any} json a graph of a file @param {Definitions} definitions @param {Doubt[]} doubts
 * @param {Map<string, Node>} byKey the nodes that are there already
 */
function readGraph(change, json, definitions, doubts, byKey) {
  const raws = Array.isArray(json.links) ? json.links : Object.values(json.links ?? {});
  const links = raws.map(readLink).filter((/** @type {RawLink | null} */ link) => link !== null);
  /** @type {Map<string, readonly {name: string}[]>} */
  const stored = new Map();
  for (const [key, node] of byKey) stored.set(key, node.inputs.map((slot) => ({ name: String(slot.kept.id) })));
  json.nodes.forEach((/** @type {any} */ raw, /** @type {number} */ z) => {
    if (!raw || typeof raw !== "object") return;
    const { node, slots } = readNode(raw, z, definitions, doubts);
    if (byKey.has(node.key)) return void doubts.push({ key: node.key, text: `Two nodes are numbered ${node.key}; one was left out.` });
    byKey.set(node.key, node);
    stored.set(node.key, slots);
    change.put("node", node);
  });
  const ways = readReroutes(change, json, doubts);
  for (const raw of links) addLink(change, raw, { byKey, stored, ways, doubts });
  readFloating(change, json, ways, byKey, stored);
  for (const [index, raw] of (json.groups ?? []).entries()) change.put("group", readGroup(raw, index));
}

/** @param {Record<string, any>} kept @returns {Record<string, any>} without what is written anew from the reroutes */
export function withoutWays(kept) {
  const { extra } = kept;
  return extra && Object.keys(extra).some((name) => OWN_EXTRA.has(name)) ? { ...kept, extra: without(extra, OWN_EXTRA) } : kept;
}

/** @param {any} list @returns {StoredSlot[]} */
function readSlots(list) {
  if (!Array.isArray(list)) return [];
  return list.map((raw) => Object.freeze({
    name: String(raw?.name ?? ""), type: typeName(raw?.type),
    kept: without(raw ?? {}, new Set(["name", "type", "link", "links"])),
  }));
}

/**
 * @param {any} raw @param {number} z @param {Definitions} definitions @param {Doubt[]} doubts
 * @returns {{node: Node, slots: readonly StoredSlot[]}}
 */
function readNode(raw, z, definitions, doubts) {
  const definition = definitions.get(raw.type);
  const key = String(raw.id);
  const reading = definition
    ? readValues(definition, raw.widgets_values, raw.widgets_values_named)
    : { values: unknownValues(raw), controls: {}, doubts: [] };
  for (const text of reading.doubts) doubts.push({ key, text });
  const slots = readSlots(raw.inputs);
  const { collapsed, ...flags } = raw.flags ?? {};
  /** @type {Record<string, any>} */
  const kept = { ...without(raw, OWN_NODE), flags };
  if (!definition) for (const name of ["widgets_values", "widgets_values_named"]) if (name in raw) kept[name] = raw[name];
  if (typeof raw.mode === "number" && raw.mode !== 0 && !MODES[raw.mode]) kept.mode = raw.mode;
  const node = {
    id: newId(), key, type: String(raw.type), title: typeof raw.title === "string" ? raw.title : null,
    position: readPair(raw.pos, [0, 0]), size: readPair(raw.size, [210, 80]), z,
    mode: MODES[raw.mode] ?? "normal", collapsed: Boolean(collapsed), color: typeof raw.color === "string" ? raw.color : null,
    values: Object.freeze(reading.values), controls: Object.freeze(reading.controls),
    inputs: slots.filter((slot, index) => raw.inputs[index]?.link != null || !isGrown(definition, slot.name)),
    outputs: readSlots(raw.outputs), kept: Object.freeze(kept),
  };
  return { node, slots };
}

/**
 * Values of a type that nobody here knows, by name where the file gives names.
 * @param {any} raw
 * @returns {Record<string, any>}
 */
function unknownValues(raw) {
  const { widgets_values: stored, widgets_values_named: named } = raw;
  if (stored && typeof stored === "object" && !Array.isArray(stored)) return { ...stored };
  const keys = named && typeof named === "object" ? Object.keys(named) : [];
  const list = Array.isArray(stored) ? stored : [];
  if (keys.length > 0 && keys.length === list.length) return Object.fromEntries(keys.map((key, index) => [key, list[index]]));
  return keys.length > 0 ? { ...named } : {};
}

/**
 * @param {Transaction} change @param {RawLink} raw
 * @param {{byKey: Map<string, Node>, stored: Map<string, readonly {name: string}[]>, ways: Ways, doubts: Doubt[]}} context
 */
function addLink(change, raw, { byKey, stored, ways, doubts }) {
  const from = byKey.get(raw.from);
  const to = byKey.get(raw.to);
  const name = stored.get(raw.to)?.[raw.index]?.name;
  if (!from || !to || name === undefined || !Number.isInteger(raw.slot)) {
    doubts.push({ key: to ? raw.to : null, text: `Link ${raw.key} leads from or to something that is not there.` });
    return;
  }
  if (from.type === ENTRY && !from.outputs[raw.slot]) {
    doubts.push({ key: raw.to, text: `"${name}" was linked to an input of its subgraph that is not there.` });
    return;
  }
  if (change.graph.linkInto(to.id, name)) {
    doubts.push({ key: raw.to, text: `"${name}" had two links; the first was kept.` });
    return;
  }
  const { key, slot, type } = raw;
  /** @type {Link} */
  const link = { id: newId(), key, from: from.id, slot, to: to.id, input: name, type, ...readWay(ways, raw) };
  change.put("link", link);
}

/** @param {any} raw @param {number} index @returns {Group} */
function readGroup(raw, index) {
  const own = new Set(["id", "title", "bounding", "color"]);
  const [x, y] = readPair(raw.bounding, [0, 0]);
  const [width, height] = readPair(raw.bounding?.slice?.(2), [200, 120]);
  return {
    id: newId(), key: Number(raw.id ?? index + 1), title: String(raw.title ?? "Group"), bounds: [x, y, width, height],
    color: typeof raw.color === "string" ? raw.color : null, kept: without(raw, own),
  };
}
