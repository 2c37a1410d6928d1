/** Saves a document as the ecosystem's editor JSON 0.4, with values by position and by name. */

/** @import { Document, Graph } from "../document.js" */
/** @import { Definition, Definitions, Link, Node, StoredSlot } from "../types.js" */

import { isBoundary } from "../commands.js";
import { nextNumber } from "../ids.js";
import { executionOrder } from "../order.js";
import { heldOutputs, slotsOf } from "../slots.js";
import { entryOf, exitOf, reachableSubgraphs, withSubgraphs } from "../subgraphs.js";
import { writeForm } from "./form.js";
import { listOf, numberOf } from "./raw.js";
import { writeFloating, writeLooks, writeReroutes, writeWay } from "./reroutes.js";
import { CONTROLS } from "./subgraphs.js";
import { writeUnknown, writeValues } from "./values.js";

const MODES = { normal: 0, mute: 2, bypass: 4 };

/**
 * @typedef {{nodes: readonly Node[], links: readonly Link[], inputs: Map<string, readonly string[]>, written: any[], groups: any[],
 *   reroutes: any[], floating: {floatingLinks?: any[]}}} Parts
 */

/**
 * What both forms of a graph have in common.
 * @param {Graph} graph @param {Definitions} definitions
 * @returns {Parts}
 */
function writeParts(graph, definitions) {
  const nodes = [...graph.nodes.values()].filter((node) => !isBoundary(node)).sort((one, other) => one.z - other.z);
  const order = executionOrder(graph, nodes);
  /** @type {Map<string, readonly string[]>} node id -> names of its inputs as written */
  const inputs = new Map();
  const written = nodes.map((node) => writeNode(graph, definitions, node, order.get(node.id) ?? 0, inputs));
  const exit = exitOf(graph);
  if (exit) inputs.set(exit.id, exit.inputs.map((slot) => String(slot.kept.id)));
  const links = [...graph.links.values()].sort((one, other) => one.key - other.key);
  const groups = [...graph.groups.values()].sort((one, other) => one.key - other.key)
    .map(({ key, title, bounds, color, kept }) =>
      ({ id: key, title, bounding: [...bounds], ...(color === null ? {} : { color }), ...kept }));
  const floatingLinks = writeFloating(graph, (id) => keyOf(graph, id), inputs);
  const floating = floatingLinks.length > 0 ? { floatingLinks } : {};
  return { nodes, links, inputs, written, groups, reroutes: writeReroutes(graph), floating };
}

/** @param {Graph} graph @param {string} id @returns {string | number} */
function keyOf(graph, id) {
  return writtenKey(/** @type {Node} */ (graph.nodes.get(id)).key);
}

/**
 * Editor JSON of a document, with the subgraphs that it uses.
 * @param {Document} document @param {Definitions} catalogue
 * @param {0.4 | 1} version 0.4 is what every program reads; 1 has links as objects and reroutes beside them
 * @returns {any}
 */
export function writeWorkflow(document, catalogue, version = 0.4) {
  const definitions = withSubgraphs(document, catalogue);
  const graph = document.root;
  const { nodes, links, inputs, written, groups, reroutes, floating } = writeParts(graph, definitions);
  const reachable = new Set(reachableSubgraphs(document, graph.id));
  const used = [...document.subgraphs.keys()].filter((id) => reachable.has(id)).map((id) => writeSubgraph(document, definitions, id));
  const { definitions: others, ...keptWithout } = document.kept;
  const subgraphs = [...used, ...(others?.subgraphs ?? [])];
  const { last_node_id, last_link_id, state, config, extra, revision, ...kept } = keptWithout;
  const lastNode = highest(nodes.map((node) => node.key), last_node_id ?? state?.lastNodeId);
  const lastLink = highest(links.map((link) => link.key), last_link_id ?? state?.lastLinkId);
  const rest = { config: config ?? {}, ...(subgraphs.length > 0 || others ? { definitions: { ...others, subgraphs } } : {}), ...kept };
  const form = writeForm(document, extra);
  const head = { id: document.id, revision: revision ?? 0 };
  if (version === 1) {
    const counts = { lastGroupId: highest(groups.map((group) => group.id), state?.lastGroupId), lastNodeId: lastNode, lastLinkId: lastLink };
    return {
      ...head, version, state: { ...counts, lastRerouteId: highest(reroutes.map((reroute) => reroute.id), state?.lastRerouteId) },
      nodes: written, links: links.map((link) => writeLinkObject(graph, link, inputs)), groups, reroutes, ...floating,
      extra: { ...form, ...writeLooks(links) }, ...rest,
    };
  }
  return {
    ...head, last_node_id: lastNode, last_link_id: lastLink,
    nodes: written, links: links.map((link) => writeLink(graph, link, inputs)),
    groups, ...floating, extra: writeExtra(graph, links, reroutes, form), ...rest, version,
  };
}

/**
 * What 0.4 keeps of reroutes and links beside the links.
 * @param {Graph} graph @param {readonly Link[]} links @param {readonly any[]} reroutes @param {any} extra
 * @returns {any}
 */
function writeExtra(graph, links, reroutes, extra) {
  const linkExtensions = links.map((link) => ({ id: link.key, ...writeWay(graph, link) })).filter((entry) => Object.keys(entry).length > 1);
  return {
    ...extra, ...(reroutes.length > 0 ? { reroutes } : {}), ...(linkExtensions.length > 0 ? { linkExtensions } : {}), ...writeLooks(links),
  };
}

/** @param {Document} document @param {Definitions} definitions @param {string} id @returns {any} */
function writeSubgraph(document, definitions, id) {
  const { name, kept } = /** @type {import("../types.js").Subgraph} */ (document.subgraphs.get(id));
  const graph = /** @type {Graph} */ (document.graphs.get(id));
  const { nodes, links, inputs, written, groups, reroutes, floating } = writeParts(graph, definitions);
  const entry = entryOf(graph);
  const exit = exitOf(graph);
  const { state, revision, config, extra, inputNode: _entry, outputNode: _exit, widgets, ...rest } = kept;
  const looks = { ...extra, ...writeLooks(links) };
  const keysOf = (/** @type {(link: Link) => boolean} */ test) => links.filter(test).map((link) => link.key);
  return {
    id, version: 1, state: {
      lastGroupId: highest(groups.map((group) => group.id), state?.lastGroupId),
      lastNodeId: highest(nodes.map((node) => node.key), state?.lastNodeId),
      lastLinkId: highest(links.map((link) => link.key), state?.lastLinkId),
      lastRerouteId: highest(reroutes.map((reroute) => reroute.id), state?.lastRerouteId),
    },
    revision: revision ?? 0, config: config ?? {}, name, inputNode: writeBoundary(entry, -10), outputNode: writeBoundary(exit, -20),
    inputs: (entry?.outputs ?? []).map((slot, index) =>
      ({ id: slot.kept.id, ...writeSlot(slot, { linkIds: keysOf((link) => link.from === entry?.id && link.slot === index) }) })),
    outputs: (exit?.inputs ?? []).map((slot) =>
      ({ id: slot.kept.id, ...writeSlot(slot, { linkIds: keysOf((link) => link.to === exit?.id && link.input === slot.kept.id) }) })),
    widgets: widgets ?? [], nodes: written, links: links.map((link) => writeLinkObject(graph, link, inputs)), groups,
    ...(reroutes.length > 0 ? { reroutes } : {}), ...floating,
    ...(extra || Object.keys(looks).length > 0 ? { extra: looks } : {}), ...rest,
  };
}

/** @param {Node | undefined} node @param {number} id @returns {any} */
function writeBoundary(node, id) {
  if (!node) return { id, bounding: [0, 0, 120, 60] };
  return { id, bounding: [...boundaryBox(node)], ...node.kept };
}

/** @param {Node} node @returns {[number, number, number, number]} */
function boundaryBox({ position: [x, y], inputs, outputs }) {
  return [x, y - 30, 150, 60 + 20 * (inputs.length + outputs.length)];
}

/** @param {Graph} graph @param {Link} link @param {Map<string, readonly string[]>} inputs @returns {any} */
function writeLinkObject(graph, link, inputs) {
  const [id, origin_id, origin_slot, target_id, target_slot, type] = writeLink(graph, link, inputs);
  return { id, origin_id, origin_slot, target_id, target_slot, type, ...writeWay(graph, link) };
}

/** @param {readonly (string | number)[]} keys @param {any} stored @returns {number} */
function highest(keys, stored) {
  return nextNumber(keys, numberOf(stored)) - 1;
}

/** @param {string} key @returns {string | number} */
function writtenKey(key) {
  return /^(0|-?[1-9]\d{0,14})$/.test(key) ? Number(key) : key;
}

/** @param {Graph} graph @param {Link} link @param {Map<string, readonly string[]>} inputs @returns {any[]} */
function writeLink(graph, link, inputs) {
  const index = inputs.get(link.to)?.indexOf(link.input) ?? -1;
  return [link.key, keyOf(graph, link.from), link.slot, keyOf(graph, link.to), index, link.type];
}

/**
 * @param {Graph} graph @param {Definitions} definitions @param {Node} node @param {number} order
 * @param {Map<string, readonly string[]>} inputs
 * @returns {any}
 */
function writeNode(graph, definitions, node, order, inputs) {
  const definition = definitions.get(node.type);
  const { flags, properties, mode, widgets_values: _list, widgets_values_named: _named, ...kept } = node.kept;
  const slots = writeInputs(graph, definitions, node);
  inputs.set(node.id, slots.map((slot) => slot.name));
  return {
    id: writtenKey(node.key), type: node.type, pos: [...node.position], size: [...node.size],
    flags: { ...flags, ...(node.collapsed ? { collapsed: true } : {}) }, order,
    mode: node.mode === "normal" ? mode ?? 0 : MODES[node.mode],
    inputs: slots, outputs: writeOutputs(graph, definitions, node),
    ...(node.title === null ? {} : { title: node.title }),
    properties: writeProperties(definition, node, properties ?? { "Node name for S&R": node.type }),
    ...writtenValues(definition, node),
    ...(node.color === null ? {} : { color: node.color }), ...kept,
  };
}

/** @param {Definition | undefined} definition @param {Node} node @param {any} properties @returns {any} */
function writeProperties(definition, node, properties) {
  if (!definition?.isSubgraph) return properties;
  const { [CONTROLS]: _stored, ...rest } = properties;
  const isRolled = Object.values(node.controls).some((mode) => mode !== "fixed");
  return { ...rest, previewExposures: rest.previewExposures ?? [], ...(isRolled ? { [CONTROLS]: node.controls } : {}) };
}

/** @param {Definition | undefined} definition @param {Node} node @returns {Record<string, any>} */
function writtenValues(definition, node) {
  if (!definition) return writeUnknown(node);
  const { list, named } = writeValues(definition, node);
  const stored = listOf(node.kept.widgets_values);
  list.push(...stored.slice(list.length));
  if (list.length === 0) return {};
  return { widgets_values: list, ...(Object.keys(named).length === 0 ? {} : { widgets_values_named: named }) };
}

/** @param {Graph} graph @param {Definitions} definitions @param {Node} node @returns {any[]} */
function writeInputs(graph, definitions, node) {
  const stored = new Map(node.inputs.map((slot) => [slot.name, slot]));
  const linkKey = (/** @type {string} */ name) => graph.linkInto(node.id, name)?.key ?? null;
  const awaited = new Set([...graph.floating.values()].filter((link) => link.to === node.id).map((link) => link.input));
  if (!definitions.has(node.type)) return node.inputs.map((slot) => writeSlot(slot, { link: linkKey(slot.name) }));
  const written = [];
  for (const { name, type, optional, widget } of slotsOf(definitions, node).inputs) {
    const slot = stored.get(name) ?? { name, type, kept: {} };
    if (widget && linkKey(name) === null && slot.kept.label === undefined && !awaited.has(name)) continue;
    const extra = { ...(optional && !widget && name !== "" ? { shape: 7 } : {}), ...(widget ? { widget: { name } } : {}) };
    written.push({ name, type, ...extra, ...slot.kept, link: linkKey(name) });
  }
  return written;
}

/** @param {Graph} graph @param {Definitions} definitions @param {Node} node @returns {any[]} */
function writeOutputs(graph, definitions, node) {
  const known = definitions.get(node.type);
  const count = known && !known.isVirtual ? heldOutputs(graph, known, node.id) : Infinity;
  return slotsOf(definitions, node).outputs.slice(0, count).map(({ index, name, type }) => {
    const links = graph.linksFrom(node.id).filter((link) => link.slot === index).map((link) => link.key);
    const slot = node.outputs[index] ?? { name, type, kept: {} };
    return { ...writeSlot({ ...slot, name, type }, {}), links: links.length > 0 ? links.sort((a, b) => a - b) : null };
  });
}

/** @param {StoredSlot} slot @param {Record<string, any>} rest @returns {any} */
function writeSlot(slot, rest) {
  return { name: slot.name, type: slot.type, ...slot.kept, ...rest };
}
