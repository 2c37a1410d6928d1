/** Makes a subgraph of some nodes, and takes one apart again. */

/** @import { Graph, Transaction } from "./document.js" */
/** @import { Bounds, Definitions, Link, Node, Point, StoredSlot } from "./types.js" */

import { addCopies, addGroup, copyChain, freeName, isBoundary, nextLinkKey, nextNodeKey, removeNodes, setMode } from "./commands.js";
import { ENTRY, EXIT } from "./definitions.js";
import { newId, newUuid } from "./ids.js";
import { boundaryNode } from "./io/subgraphs.js";
import { comfortableSize } from "./nodes.js";
import { chainOf, joinChains, pruneReroutes } from "./reroutes.js";
import { inputSlot, outputSlot, slotsOf } from "./slots.js";
import { entryOf, exitOf, withSubgraphs } from "./subgraphs.js";
import { t } from "../words.js";

/** Collects the sockets of a subgraph that is being made; links from one output share a socket. */
class Sockets {
  constructor() {
    /** @type {StoredSlot[]} */ this.slots = [];
    /** @type {Map<string, number>} */ this.known = new Map();
  }

  /**
   * The index of the socket for what is linked.
   * @param {string} name what is linked @param {string} label @param {string} type
   * @returns {number}
   */
  index(name, label, type) {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const free = freeName(label || type.toLowerCase(), this.slots.map((slot) => slot.name));
    this.slots.push(Object.freeze({ name: free, type, kept: Object.freeze({ id: newUuid() }) }));
    this.known.set(name, this.slots.length - 1);
    return this.slots.length - 1;
  }
}

/**
 * Puts nodes into a subgraph of their own and one node in their place.
 * @param {Transaction} change @param {Definitions} catalogue @param {readonly string[]} chosen @param {string} name
 * @returns {string} the id of the new node
 */
export function makeSubgraph(change, catalogue, chosen, name) {
  const { graph, document } = change;
  const ids = new Set(chosen.filter((id) => !isBoundary(graph.nodes.get(id))));
  if (ids.size === 0) throw new Error(t("There is nothing here to put into a subgraph."));
  const definitions = withSubgraphs(document, catalogue);
  const nodes = [...ids].map((id) => change.node(id));
  const links = [...graph.links.values()];
  const incoming = links.filter((link) => ids.has(link.to) && !ids.has(link.from));
  const outgoing = links.filter((link) => ids.has(link.from) && !ids.has(link.to));
  const into = new Sockets();
  const out = new Sockets();
  for (const link of incoming) {
    const slot = inputSlot(definitions, change.node(link.to), link.input);
    into.index(`${link.from} ${link.slot}`, slot?.label ?? link.input, slot?.type ?? link.type);
  }
  for (const link of outgoing) {
    const slot = outputSlot(definitions, change.node(link.from), link.slot);
    out.index(`${link.from} ${link.slot}`, slot?.label ?? link.type, slot?.type ?? link.type);
  }
  const id = newUuid();
  const box = boxOf(nodes);
  change.put("graph", Object.freeze({ id, name, kept: Object.freeze({}) }));
  const within = change.at(id);
  const entry = boundaryNode(ENTRY, "-10", [box[0] - 230, box[1]], into.slots);
  const exit = boundaryNode(EXIT, "-20", [box[2] + 80, box[1]], out.slots);
  within.put("node", entry);
  within.put("node", exit);
  for (const node of nodes) within.put("node", node);
  for (const link of links) {
    if (!ids.has(link.from) || !ids.has(link.to)) continue;
    for (const reroute of chainOf(graph, link.via)) within.put("reroute", reroute);
    within.put("link", link);
  }
  let key = Math.max(0, ...links.map((link) => link.key));
  for (const link of incoming) {
    const slot = into.index(`${link.from} ${link.slot}`, "", "");
    within.put("link", { ...link, id: newId(), key: ++key, from: entry.id, slot, via: null, kept: {} });
  }
  for (const [end, index] of out.known) {
    const [from, slot] = end.split(" ");
    const { type, kept } = out.slots[index];
    within.put("link", { id: newId(), key: ++key, from, slot: Number(slot), to: exit.id, input: String(kept.id), type, via: null, hidden: false, kept: {} });
  }
  const host = hostNode(change, catalogue, id, [box[0], box[1]]);
  const cut = links.filter((link) => ids.has(link.from) || ids.has(link.to));
  for (const link of cut) change.remove("link", link.id);
  removeNodes(change, ids);
  change.put("node", host);
  linkHost(change, host.id, { into, out, incoming, outgoing });
  for (const link of cut) pruneReroutes(change, link.via);
  return host.id;
}

/** @param {readonly Node[]} nodes @returns {[number, number, number]} left, top, right */
function boxOf(nodes) {
  return [
    Math.min(...nodes.map((node) => node.position[0])), Math.min(...nodes.map((node) => node.position[1])),
    Math.max(...nodes.map((node) => node.position[0] + node.size[0])),
  ];
}

/** @param {Transaction} change @param {Definitions} catalogue @param {string} id @param {Point} position @returns {Node} */
function hostNode(change, catalogue, id, position) {
  const definition = withSubgraphs(change.document, catalogue).get(id);
  if (!definition) throw new Error(t("The subgraph could not be made."));
  const z = Math.max(0, ...[...change.graph.nodes.values()].map((node) => node.z)) + 1;
  /** @type {Record<string, any>} */
  const values = {};
  for (const { name, widget } of definition.inputs) if (widget) values[name] = widget.fallback;
  return Object.freeze({
    id: newId(), key: nextNodeKey(change), type: id, title: null, position, size: comfortableSize(definition), z,
    mode: /** @type {const} */ ("normal"), collapsed: false, color: null, values: Object.freeze(values),
    controls: Object.freeze({}), inputs: [], outputs: [], kept: {},
  });
}

/**
 * Links the new node to what its nodes were linked to.
 * @param {Transaction} change @param {string} host
 * @param {{into: Sockets, out: Sockets, incoming: readonly Link[], outgoing: readonly Link[]}} ends
 */
function linkHost(change, host, { into, out, incoming, outgoing }) {
  const done = new Set();
  for (const link of incoming) {
    const index = into.index(`${link.from} ${link.slot}`, "", "");
    if (done.has(index)) continue;
    done.add(index);
    change.put("link", { ...link, id: newId(), key: nextLinkKey(change), to: host, input: into.slots[index].name, kept: {} });
  }
  for (const link of outgoing) {
    const slot = out.index(`${link.from} ${link.slot}`, "", "");
    change.put("link", { ...link, id: newId(), key: nextLinkKey(change), from: host, slot, kept: {} });
  }
}

/**
 * Puts the nodes of a subgraph in the place of one of its instances.
 * @param {Transaction} change @param {Definitions} catalogue @param {string} id the instance
 * @returns {string[]} ids of the nodes that came out
 */
export function unpackSubgraph(change, catalogue, id) {
  const { graph, document } = change;
  const host = change.node(id);
  const inner = document.graphs.get(host.type);
  if (!inner) throw new Error(t("This node is no subgraph."));
  const definitions = withSubgraphs(document, catalogue);
  const [entry, exit] = [entryOf(inner), exitOf(inner)];
  const nodes = [...inner.nodes.values()].filter((node) => !isBoundary(node)).sort((one, other) => one.z - other.z);
  const ends = new Set([entry?.id, exit?.id]);
  const between = [...inner.links.values()].filter((link) => !ends.has(link.from) && !ends.has(link.to));
  const [left, top] = nodes.length > 0 ? boxOf(nodes) : [0, 0];
  const offset = /** @type {Point} */ ([host.position[0] - left, host.position[1] - top]);
  const outside = { into: graph.linksInto(id), from: graph.linksFrom(id) };
  for (const link of [...outside.into, ...outside.from]) change.remove("link", link.id);
  removeNodes(change, [id]);
  const copies = addCopies(change, nodes, between, offset, inner);
  if (host.mode === "mute") setMode(change, copies, "mute");
  for (const group of inner.groups.values()) addGroup(change, group.title, moved(group.bounds, offset), group);
  const copyOf = new Map(nodes.map((node, index) => [node.id, copies[index]]));
  linkUnpacked(change, definitions, { host, inner, copyOf, offset, outside });
  for (const { via } of [...outside.into, ...outside.from]) pruneReroutes(change, via);
  return copies;
}

/** @param {Bounds} bounds @param {Point} offset @returns {Bounds} */
function moved([x, y, width, height], offset) {
  return [x + offset[0], y + offset[1], width, height];
}

/**
 * Links what came out of a subgraph to what its instance was linked to, and gives it the values that the instance held.
 * @param {Transaction} change @param {Definitions} definitions
 * @param {{host: Node, inner: Graph, copyOf: Map<string, string>, offset: Point, outside: {into: Link[], from: Link[]}}} parts
 */
function linkUnpacked(change, definitions, { host, inner, copyOf, offset, outside }) {
  const [entry, exit] = [entryOf(inner), exitOf(inner)];
  const nameOf = (/** @type {Link} */ link) => entry?.outputs[link.slot]?.name ?? "";
  const sourceOf = (/** @type {Link} */ link) => outside.into.find((one) => one.input === nameOf(link));
  /** @type {Map<string, string>} */
  const points = new Map();
  for (const link of entry ? inner.linksFrom(entry.id) : []) {
    const to = copyOf.get(link.to);
    const source = sourceOf(link);
    if (!to) continue;
    if (host.values[nameOf(link)] !== undefined) keepValue(change, definitions, to, link.input, host.values[nameOf(link)]);
    if (!source) continue;
    const via = copyChain(change, chainOf(inner, link.via), offset, points, source.via);
    change.put("link", { ...source, id: newId(), key: nextLinkKey(change), to, input: link.input, via });
  }
  for (const link of outside.from) {
    const feed = exit && inner.linkInto(exit.id, String(exit.inputs[link.slot]?.kept.id));
    const source = feed && feed.from === entry?.id ? sourceOf(feed) : undefined;
    const from = source?.from ?? (feed && copyOf.get(feed.from));
    if (!feed || !from) continue;
    const before = source ? source.via : copyChain(change, chainOf(inner, feed.via), offset, points);
    const via = joinChains(change, before, link.via);
    change.put("link", { ...link, id: newId(), key: nextLinkKey(change), from, slot: source?.slot ?? feed.slot, via });
  }
}

/** @param {Transaction} change @param {Definitions} definitions @param {string} id @param {string} name @param {any} value */
function keepValue(change, definitions, id, name, value) {
  const node = change.node(id);
  const hasWidget = slotsOf(definitions, node).inputs.some((slot) => slot.name === name && slot.widget);
  if (hasWidget) change.put("node", { ...node, values: Object.freeze({ ...node.values, [name]: value }) });
}
