/** Opens the ecosystem's editor JSON (0.4, and 1.0 with links as objects) as a document. */

/** @import { RawLink } from "./raw.js" */
/** @import { Ways } from "./reroutes.js" */
/** @import { Definitions, Group, Link, Node } from "../types.js" */

import { ENTRY, isGrown } from "../definitions.js";
import { Document, Transaction } from "../document.js";
import { newId, newUuid } from "../ids.js";
import { heldOutputs, slotsOf } from "../slots.js";
import { readForm } from "./form.js";
import { Numbers, isRecord, listOf, readBox, readLink, readTitle, recordOf, without } from "./raw.js";
import { readNode } from "./nodes.js";
import { OWN_EXTRA, readFloating, readReroutes, readWay } from "./reroutes.js";
import { addBoundaries, fillInstances, readableSubgraphs } from "./subgraphs.js";

/** @typedef {Readonly<{key: string | null, text: string}>} Doubt what a file says of a node (or of no one node) and cannot be taken as it is */
/** @typedef {{document: Document, doubts: Doubt[]}} Opened */

/**
 * What is known while the links of a graph are read: nodes by key, and the names of their inputs as stored.
 * @typedef {{byKey: Map<string, Node>, stored: Map<string, readonly {name: string}[]>, ways: Ways, numbers: Numbers, doubts: Doubt[]}} Reading
 */

const OWN_ROOT = new Set(["id", "nodes", "links", "groups", "version", "reroutes", "floatingLinks"]);
const OWN_GROUP = new Set(["id", "title", "bounding", "color"]);

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
  const subgraphs = readableSubgraphs(json, document, definitions, doubts);
  for (const { id, name, kept } of subgraphs) change.put("graph", { id, name, kept });
  for (const { id, json: inner } of subgraphs) {
    const within = change.at(id);
    readGraph(within, inner, definitions, doubts, addBoundaries(within, inner));
  }
  readGraph(change, json, definitions, doubts, new Map());
  if (subgraphs.length > 0) fillInstances(change, definitions, doubts);
  const form = readForm(json.extra, document);
  if (form) change.put("meta", { id: "form", value: form });
  return { document, doubts };
}

/**
 * @param {Transaction} change @param {any} json a graph of a file @param {Definitions} definitions @param {Doubt[]} doubts
 * @param {Map<string, Node>} byKey the nodes that are there already
 */
function readGraph(change, json, definitions, doubts, byKey) {
  /** @type {Map<string, readonly {name: string}[]>} */
  const stored = new Map();
  for (const [key, node] of byKey) stored.set(key, node.inputs.map((slot) => ({ name: String(slot.kept.id) })));
  const keys = new Numbers(json.nodes.map((/** @type {any} */ raw) => raw?.id));
  json.nodes.forEach((/** @type {any} */ raw, /** @type {number} */ z) => {
    const read = isRecord(raw) ? readNode(raw, z, { definitions, doubts, keys }) : null;
    if (!read) return void doubts.push({ key: null, text: "An entry of the list of nodes is no node; it was left out." });
    change.put("node", read.node);
    byKey.set(read.node.key, read.node);
    stored.set(read.node.key, read.slots);
  });
  const links = linksOf(json);
  const reading = { byKey, stored, doubts, ways: readReroutes(change, json, doubts), numbers: new Numbers(links.map((link) => link.key)) };
  for (const raw of links) addLink(change, raw, definitions, reading);
  for (const { id } of byKey.values()) dropLoose(change, id, definitions);
  readFloating(change, json, reading.ways, byKey, stored);
  const groups = listOf(json.groups).filter(isRecord);
  const numbers = new Numbers(groups.map((group) => group.id));
  for (const raw of groups) change.put("group", readGroup(raw, numbers, doubts));
}

/**
 * The links of a graph, those of each socket of a subgraph in the order in which it names them: the first tells its value. Of two
 * links into one input the one counts that the input names.
 * @param {any} json
 * @returns {RawLink[]}
 */
function linksOf(json) {
  const raws = Array.isArray(json.links) ? json.links : Object.values(recordOf(json.links));
  const links = raws.map(readLink).filter((/** @type {RawLink | null} */ link) => link !== null);
  const sockets = [...listOf(json.inputs), ...listOf(json.outputs)];
  const order = new Map(sockets.flatMap((slot) => listOf(slot?.linkIds)).map((key, index) => [Number(key), index]));
  const rest = order.size;
  for (const slot of json.nodes.flatMap((/** @type {any} */ node) => listOf(node?.inputs))) {
    if (slot?.link != null && !order.has(Number(slot.link))) order.set(Number(slot.link), rest);
  }
  const rank = (/** @type {RawLink} */ link) => order.get(link.key) ?? Infinity;
  return links.sort((/** @type {RawLink} */ one, /** @type {RawLink} */ other) => rank(one) - rank(other) || 0);
}

/** @param {Record<string, any>} kept @returns {Record<string, any>} without what is written anew from the reroutes */
export function withoutWays(kept) {
  const { extra } = kept;
  return isRecord(extra) && Object.keys(extra).some((name) => OWN_EXTRA.has(name)) ? { ...kept, extra: without(extra, OWN_EXTRA) } : kept;
}

/** @param {Transaction} change @param {RawLink} raw @param {Definitions} definitions @param {Reading} reading */
function addLink(change, raw, definitions, { byKey, stored, ways, numbers, doubts }) {
  const from = byKey.get(raw.from);
  const to = byKey.get(raw.to);
  const name = stored.get(raw.to)?.[raw.index]?.name;
  const { slot, type } = raw;
  if (!from || !to || name === undefined || !Number.isInteger(slot)) {
    return void doubts.push({ key: to ? raw.to : null, text: `Link ${raw.key} leads from or to something that is not there.` });
  }
  if (from.type === ENTRY && !from.outputs[slot]) {
    return void doubts.push({ key: raw.to, text: `"${name}" was linked to an input of its subgraph that is not there.` });
  }
  if (slot < 0 || (!change.document.subgraphs.has(from.type) && slot >= slotsOf(definitions, from).outputs.length)) {
    return void doubts.push({ key: raw.to, text: `"${name}" was linked to output ${slot} of node ${raw.from}, which is not there.` });
  }
  if (change.graph.linkInto(to.id, name)) {
    return void doubts.push({ key: raw.to, text: `"${name}" had two links; the first was kept.` });
  }
  const key = numbers.take(raw.key);
  /** @type {Link} */
  const link = { id: newId(), key, from: from.id, slot, to: to.id, input: name, type, ...readWay(ways, raw) };
  change.put("link", link);
}

/**
 * Lets go of sockets that were kept for a link which proved to lead nowhere.
 * @param {Transaction} change @param {string} id @param {Definitions} definitions
 */
function dropLoose(change, id, definitions) {
  const node = change.node(id);
  const definition = definitions.get(node.type);
  if (!definition || definition.isVirtual) return;
  const inputs = node.inputs.filter(({ name }) => !isGrown(definition, name) || change.graph.linkInto(id, name));
  const outputs = node.outputs.slice(0, heldOutputs(change.graph, definition, id));
  if (inputs.length < node.inputs.length || outputs.length < node.outputs.length) change.put("node", { ...node, inputs, outputs });
}

/** @param {any} raw @param {Numbers} numbers @param {Doubt[]} doubts @returns {Group} */
function readGroup(raw, numbers, doubts) {
  const title = readTitle(raw.title) ?? "Group";
  const [x, y, width, height] = readBox(raw.bounding, raw.bounding?.slice?.(2), [200, 120]) ??
    (doubts.push({ key: null, text: `The place of the frame “${title}” could not be read.` }), [0, 0, 200, 120]);
  return {
    id: newId(), key: numbers.take(raw.id), title, bounds: [x, y, width, height],
    color: typeof raw.color === "string" ? raw.color : null, kept: without(raw, OWN_GROUP),
  };
}
