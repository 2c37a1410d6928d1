/** Every change that a person can make to a graph. Each takes a transaction, which records its exact inverse. */

/** @import { Graph, Transaction } from "./document.js" */
/** @import { Bounds, ControlMode, Definition, Definitions, Group, Kept, Link, Node, NodeMode, Point, Reroute } from "./types.js" */

import { ENTRY, EXIT, isGrown, liveInputs } from "./definitions.js";
import { newId, newUuid, nextNumber } from "./ids.js";
import { numberOf } from "./io/raw.js";
import { makeNode } from "./nodes.js";
import { chainOf, loosenLinks, nextRerouteKey, pruneReroutes, removeLinks } from "./reroutes.js";
import { SPARE, inputSlot, outputSlot } from "./slots.js";
import { checkLink } from "./validate.js";

export { addReroute, moveReroutes, removeLinks, removeReroutes, setHidden } from "./reroutes.js";

/** @param {Transaction} change @returns {number} */
function nextZ(change) {
  let highest = 0;
  for (const node of change.graph.nodes.values()) highest = Math.max(highest, node.z);
  return highest + 1;
}

/** @param {Transaction} change @returns {string} */
export function nextNodeKey(change) {
  const keys = [...change.graph.nodes.values()].map((node) => node.key);
  return String(nextNumber(keys, numberOf(change.document.kept.last_node_id)));
}

/** @param {Transaction} change @returns {number} */
export function nextLinkKey(change) {
  const keys = [...change.graph.links.values()].map((link) => link.key);
  return nextNumber(keys, numberOf(change.document.kept.last_link_id));
}

/** @param {{type: string} | undefined} node @returns {boolean} whether it is the entry or exit of a subgraph, which stays */
export function isBoundary(node) {
  return node?.type === ENTRY || node?.type === EXIT;
}

/**
 * Adds a node of a type.
 * @param {Transaction} change @param {Definition} definition @param {Point} position
 * @returns {Node}
 */
export function addNode(change, definition, position) {
  const node = makeNode(definition, nextNodeKey(change), position, nextZ(change));
  change.put("node", node);
  return node;
}

/**
 * Adds copies of nodes, and of the links among them with their reroutes, at an offset.
 * @param {Transaction} change @param {readonly Node[]} nodes @param {readonly Link[]} links @param {Point} offset
 * @param {Graph} source where the links come from
 * @returns {string[]} ids of the new nodes
 */
export function addCopies(change, nodes, links, offset, source = change.graph) {
  /** @type {Map<string, string>} */
  const names = new Map();
  let z = nextZ(change);
  let key = Number(nextNodeKey(change));
  for (const node of [...nodes].sort((one, other) => one.z - other.z)) {
    if (isBoundary(node)) continue;
    const id = newId();
    names.set(node.id, id);
    change.put("node", { ...node, id, key: String(key++), position: shifted(node.position, offset), z });
    z += 1;
  }
  /** @type {Map<string, string>} */
  const points = new Map();
  let linkKey = nextLinkKey(change);
  for (const link of links) {
    const from = names.get(link.from) ?? (change.graph.nodes.has(link.from) ? link.from : undefined);
    const to = names.get(link.to);
    if (!from || !to) continue;
    const own = link.via !== null && change.graph.reroutes.has(link.via) ? link.via : null;
    const via = names.has(link.from) ? copyChain(change, chainOf(source, link.via), offset, points) : own;
    change.put("link", { ...link, id: newId(), key: linkKey++, from, to, via, kept: {} });
  }
  return [...names.values()];
}

/** @param {Point} position @param {Point} offset @returns {Point} */
function shifted(position, offset) {
  return [position[0] + offset[0], position[1] + offset[1]];
}

/**
 * Copies reroutes.
 * @param {Transaction} change @param {readonly Reroute[]} chain @param {Point} offset
 * @param {Map<string, string>} points ids of the copies that are there already
 * @param {string | null} before the reroute that the first of the copies follows
 * @returns {string | null} the last of the copies
 */
export function copyChain(change, chain, offset, points, before = null) {
  let parent = before;
  for (const reroute of chain) {
    let id = points.get(reroute.id);
    if (id === undefined) {
      points.set(reroute.id, (id = newId()));
      change.put("reroute", { ...reroute, id, key: nextRerouteKey(change), parent, position: shifted(reroute.position, offset) });
    }
    parent = id;
  }
  return parent;
}

/**
 * Removes nodes and every link that touches them.
 * @param {Transaction} change @param {Iterable<string>} ids
 */
export function removeNodes(change, ids) {
  const gone = new Set([...ids].filter((id) => change.graph.nodes.has(id) && !isBoundary(change.graph.nodes.get(id))));
  loosenLinks(change, gone);
  for (const id of gone) change.remove("node", id);
}

/**
 * Puts nodes at new positions.
 * @param {Transaction} change @param {ReadonlyMap<string, Point>} positions
 */
export function moveNodes(change, positions) {
  for (const [id, position] of positions) change.put("node", { ...change.node(id), position });
}

/**
 * Draws nodes above all others.
 * @param {Transaction} change @param {Iterable<string>} ids
 */
export function raiseNodes(change, ids) {
  let z = nextZ(change);
  const nodes = [...ids].map((id) => change.node(id)).sort((one, other) => one.z - other.z);
  for (const node of nodes) change.put("node", { ...node, z: z++ });
}

/** @param {Transaction} change @param {string} id @param {Point} size */
export function resizeNode(change, id, size) {
  change.put("node", { ...change.node(id), size });
}

/**
 * Sets the value of one input.
 * @param {Transaction} change @param {string} id @param {string} name @param {any} value
 */
export function setValue(change, id, name, value) {
  const node = change.node(id);
  if (Object.is(node.values[name], value)) return;
  change.put("node", { ...node, values: Object.freeze({ ...node.values, [name]: value }) });
}

/**
 * Sets the word of a drop-down, or a number of rows; inputs that it brings start as they are defined, or as they were left.
 * @param {Transaction} change @param {Definitions} definitions @param {string} id @param {string} name @param {any} word
 */
export function chooseWord(change, definitions, id, name, word) {
  setValue(change, id, name, word);
  const node = change.node(id);
  const definition = definitions.get(node.type);
  if (!definition?.inputs.some((input) => input.brings)) return;
  const values = { ...node.values };
  for (const input of liveInputs(definition, node)) if (input.widget) values[input.name] ??= input.widget.fallback;
  change.put("node", { ...node, values: Object.freeze(values) });
}

/**
 * Sets how a seed changes before each run.
 * @param {Transaction} change @param {string} id @param {string} name @param {ControlMode} mode
 */
export function setControl(change, id, name, mode) {
  const node = change.node(id);
  if (node.controls[name] === mode) return;
  change.put("node", { ...node, controls: Object.freeze({ ...node.controls, [name]: mode }) });
}

/** @param {Transaction} change @param {string} id @param {string | null} title null is the name of the type */
export function setTitle(change, id, title) {
  change.put("node", { ...change.node(id), title });
}

/** @param {Transaction} change @param {Iterable<string>} ids @param {NodeMode} mode */
export function setMode(change, ids, mode) {
  for (const id of ids) if (change.node(id).mode !== mode && !isBoundary(change.node(id))) change.put("node", { ...change.node(id), mode });
}

/** @param {Transaction} change @param {Iterable<string>} ids @param {string | null} color null is the colour of the theme */
export function setColor(change, ids, color) {
  for (const id of ids) if (change.node(id).color !== color) change.put("node", { ...change.node(id), color });
}

/** @param {Transaction} change @param {Iterable<string>} ids @param {boolean} collapsed */
export function setCollapsed(change, ids, collapsed) {
  for (const id of ids) {
    if (change.node(id).collapsed !== collapsed) change.put("node", { ...change.node(id), collapsed });
  }
}

/**
 * Links an output to an input, in place of the link that is there.
 * @param {Transaction} change @param {Definitions} definitions
 * @param {string} from @param {number} slot @param {string} to @param {string} input
 * @param {string | null} via the reroute that it is led through last
 * @returns {Link}
 */
export function connect(change, definitions, from, slot, to, input, via = null) {
  const present = change.graph.linkInto(to, input);
  if (present && present.from === from && present.slot === slot && present.via === via) return present;
  const verdict = checkLink(change.graph, definitions, from, slot, to, input);
  if (!verdict.ok) throw new Error(verdict.reason);
  if (present) change.remove("link", present.id);
  const target = boundaryInput(change, definitions, from, slot, to, input);
  const type = outputSlot(definitions, change.node(from), slot)?.type ?? "*";
  const link = { id: newId(), key: nextLinkKey(change), from, slot, to, input: target, type, via, hidden: false, kept: {} };
  change.put("link", link);
  if (present) pruneReroutes(change, present.via);
  keepSocket(change, definitions, to, target);
  return link;
}

/**
 * Remembers a socket that is linked and that no definition tells of: one of a growing row, or of an unknown type.
 * @param {Transaction} change @param {Definitions} definitions @param {string} id @param {string} name
 */
function keepSocket(change, definitions, id, name) {
  const node = change.node(id);
  const definition = definitions.get(node.type);
  if ((definition && !isGrown(definition, name)) || node.inputs.some((slot) => slot.name === name)) return;
  const slot = inputSlot(definitions, node, name);
  const kept = !definition && slot?.widget ? { widget: { name } } : {};
  change.put("node", { ...node, inputs: [...node.inputs, Object.freeze({ name, type: slot?.type ?? "*", kept })] });
}

/**
 * Makes the new socket of a subgraph that a link to the spare socket of its entry or exit asks for.
 * @param {Transaction} change @param {Definitions} definitions
 * @param {string} from @param {number} slot @param {string} to @param {string} input
 * @returns {string} the input in which the link ends
 */
function boundaryInput(change, definitions, from, slot, to, input) {
  const origin = change.node(from);
  const target = change.node(to);
  if (origin.type === ENTRY && slot === origin.outputs.length) {
    const wanted = inputSlot(definitions, target, input);
    const name = freeName(wanted?.label ?? "input", origin.outputs.map((one) => one.name));
    const stored = Object.freeze({ name, type: wanted?.type ?? "*", kept: { id: newUuid() } });
    change.put("node", { ...origin, outputs: [...origin.outputs, stored] });
  }
  if (target.type !== EXIT || input !== SPARE) return input;
  const given = outputSlot(definitions, origin, slot);
  const name = freeName(given?.label ?? "output", target.inputs.map((one) => one.name));
  const stored = Object.freeze({ name, type: given?.type ?? "*", kept: { id: newUuid() } });
  change.put("node", { ...target, inputs: [...target.inputs, stored] });
  return stored.kept.id;
}

/** @param {string} wish @param {readonly string[]} taken @returns {string} */
export function freeName(wish, taken) {
  let name = wish;
  for (let number = 2; taken.includes(name); number += 1) name = `${wish}_${number}`;
  return name;
}

/**
 * Adds a frame.
 * @param {Transaction} change @param {string} title @param {Bounds} bounds
 * @param {{color?: string | null, kept?: Kept}} like another frame, whose looks it takes
 * @returns {Group}
 */
export function addGroup(change, title, bounds, { color = null, kept = {} } = {}) {
  const key = nextNumber([...change.graph.groups.values()].map((group) => group.key));
  const group = { id: newId(), key, title, bounds, color, kept };
  change.put("group", group);
  return group;
}

/**
 * Changes fields of a frame.
 * @param {Transaction} change @param {string} id @param {Partial<Group>} fields
 */
export function setGroup(change, id, fields) {
  const group = change.graph.groups.get(id);
  if (group) change.put("group", { ...group, ...fields, id });
}

/** @param {Transaction} change @param {Iterable<string>} ids */
export function removeGroups(change, ids) {
  for (const id of ids) change.remove("group", id);
}

/** @param {Transaction} change @param {string} name what the workflow is called */
export function setName(change, name) {
  change.put("meta", { id: "name", value: name });
}

/**
 * Calls a socket of a subgraph by another name; links to it stay.
 * @param {Transaction} change @param {string} id the entry or exit @param {number} index @param {string} label
 */
export function renameSocket(change, id, index, label) {
  const node = change.node(id);
  const side = node.type === ENTRY ? "outputs" : "inputs";
  const slots = node[side].map((slot, place) => (place === index ? Object.freeze({ ...slot, kept: { ...slot.kept, label } }) : slot));
  change.put("node", { ...node, [side]: slots });
}

/**
 * Takes a socket of a subgraph away, inside and on every node that stands for it.
 * @param {Transaction} change @param {string} id the entry or exit @param {number} index
 */
export function removeSocket(change, id, index) {
  const node = change.node(id);
  const isEntry = node.type === ENTRY;
  const gone = (isEntry ? node.outputs : node.inputs)[index];
  if (isEntry) dropOutput(change, id, index);
  else dropLinksInto(change, id, String(gone.kept.id));
  const side = isEntry ? "outputs" : "inputs";
  change.put("node", { ...node, [side]: node[side].filter((_slot, place) => place !== index) });
  for (const graph of change.document.graphs.values()) {
    const outer = change.at(graph.id);
    for (const host of [...graph.nodes.values()].filter((one) => one.type === change.graphId)) {
      if (isEntry) dropInput(outer, host, gone.name);
      else dropOutput(outer, host.id, index);
    }
  }
}

/** @param {Transaction} change @param {string} id @param {number} index */
function dropOutput(change, id, index) {
  const { links, floating } = change.graph;
  for (const link of [...links.values(), ...floating.values()]) {
    if (link.from !== id || link.slot < index) continue;
    if (link.slot === index) removeLinks(change, [link.id]);
    else change.put(links.has(link.id) ? "link" : "floating", { ...link, slot: link.slot - 1 });
  }
}

/** @param {Transaction} change @param {string} id @param {string} input */
function dropLinksInto(change, id, input) {
  const { links, floating } = change.graph;
  removeLinks(change, [...links.values(), ...floating.values()].filter((link) => link.to === id && link.input === input).map((link) => link.id));
}

/** @param {Transaction} change @param {Node} host @param {string} name */
function dropInput(change, host, name) {
  dropLinksInto(change, host.id, name);
  const { [name]: _value, ...values } = host.values;
  const { [name]: _control, ...controls } = host.controls;
  const inputs = host.inputs.filter((slot) => slot.name !== name);
  change.put("node", { ...host, inputs, values: Object.freeze(values), controls: Object.freeze(controls) });
}
