/** What changed between two documents: nodes, values, links and frames, graph by graph. */

/** @import { Document, Graph } from "./document.js" */
/** @import { Group, Link, Node } from "./types.js" */

import { writeJson } from "./io/json.js";

/**
 * One node in both documents. `fields` are those that differ; `values` names each value that does.
 * @typedef {Readonly<{before: Node, after: Node, fields: readonly string[],
 *   values: readonly Readonly<{name: string, before: any, after: any}>[]}>} NodeChange
 */
/** @typedef {Readonly<{before: Group, after: Group, fields: readonly string[]}>} GroupChange */

/**
 * @template T, C
 * @typedef {Readonly<{added: readonly T[], removed: readonly T[], changed: readonly C[]}>} Difference
 */

/**
 * @typedef {Readonly<{graph: string, nodes: Difference<Node, NodeChange>, groups: Difference<Group, GroupChange>,
 *   links: Readonly<{added: readonly Link[], removed: readonly Link[]}>, routes: boolean}>} GraphDifference
 * `routes` says that reroutes or hidden links differ.
 */

/**
 * @typedef {Readonly<{graphs: readonly GraphDifference[], added: readonly string[], removed: readonly string[],
 *   isSame: boolean}>} DocumentDifference
 */

const NODE_FIELDS = /** @type {const} */ (["type", "title", "position", "size", "mode", "collapsed", "color", "controls"]);
const GROUP_FIELDS = /** @type {const} */ (["title", "bounds", "color"]);

/**
 * The differences between two documents. Nodes are the same when they have one identity, or one key and one type.
 * @param {Document} before @param {Document} after
 * @returns {DocumentDifference} only graphs that differ; `added` and `removed` are subgraphs
 */
export function difference(before, after) {
  const graphs = [];
  for (const [id, graph] of after.graphs) {
    const found = graphDifference(before.graphs.get(id) ?? null, graph);
    if (!isEmptyDifference(found)) graphs.push(found);
  }
  const added = [...after.subgraphs.keys()].filter((id) => !before.subgraphs.has(id));
  const removed = [...before.subgraphs.keys()].filter((id) => !after.subgraphs.has(id));
  return { graphs, added, removed, isSame: graphs.length + added.length + removed.length === 0 };
}

/**
 * The differences between two states of one graph.
 * @param {Graph | null} before @param {Graph} after
 * @returns {GraphDifference}
 */
export function graphDifference(before, after) {
  const pairs = pairNodes(before, after);
  const paired = new Set([...pairs.values()].map((node) => node.id));
  const nodes = {
    added: [...after.nodes.values()].filter((node) => !pairs.has(node.id)),
    removed: [...before?.nodes.values() ?? []].filter((node) => !paired.has(node.id)),
    changed: [...pairs].flatMap(([id, old]) => nodeChange(old, /** @type {Node} */ (after.nodes.get(id)))),
  };
  /** @type {Map<string, string>} ids of nodes before -> ids now */
  const now = new Map([...pairs].map(([id, old]) => [old.id, id]));
  const name = (/** @type {Link} */ { from, slot, to, input }) => writeJson([from, slot, to, input]);
  const old = new Map([...before?.links.values() ?? []].map((link) =>
    [name({ ...link, from: now.get(link.from) ?? link.from, to: now.get(link.to) ?? link.to }), link]));
  const current = new Map([...after.links.values()].map((link) => [name(link), link]));
  const links = {
    added: [...current].filter(([key]) => !old.has(key)).map(([, link]) => link),
    removed: [...old].filter(([key]) => !current.has(key)).map(([, link]) => link),
  };
  return { graph: after.id, nodes, links, groups: groupDifference(before, after), routes: routes(before) !== routes(after) };
}

/**
 * The nodes of the second graph that were in the first.
 * @param {Graph | null} before @param {Graph} after
 * @returns {Map<string, Node>} id now -> the node before
 */
function pairNodes(before, after) {
  /** @type {Map<string, Node>} */
  const pairs = new Map();
  if (!before) return pairs;
  const byKey = new Map([...before.nodes.values()].map((node) => [`${node.key} ${node.type}`, node]));
  for (const node of after.nodes.values()) {
    const like = before.nodes.get(node.id);
    if (like) pairs.set(node.id, like);
  }
  const taken = new Set([...pairs.values()]);
  for (const node of after.nodes.values()) {
    const like = byKey.get(`${node.key} ${node.type}`);
    if (!pairs.has(node.id) && like && !taken.has(like)) pairs.set(node.id, like);
  }
  return pairs;
}

/** @param {any} one @param {any} other @returns {boolean} whether both say the same, whatever the order of names */
function same(one, other) {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  const [names, others] = [Object.keys(one), Object.keys(other)];
  return Array.isArray(one) === Array.isArray(other) && names.length === others.length &&
    names.every((name) => Object.hasOwn(other, name) && same(one[name], other[name]));
}

/** @param {Node} before @param {Node} after @returns {NodeChange[]} */
function nodeChange(before, after) {
  if (before === after) return [];
  const fields = NODE_FIELDS.filter((field) => !same(before[field], after[field]));
  const names = new Set([...Object.keys(before.values), ...Object.keys(after.values)]);
  const values = [...names].filter((name) => !same(before.values[name], after.values[name]))
    .map((name) => Object.freeze({ name, before: before.values[name], after: after.values[name] }));
  return fields.length + values.length > 0 ? [Object.freeze({ before, after, fields, values })] : [];
}

/** @param {Graph | null} before @param {Graph} after @returns {Difference<Group, GroupChange>} */
function groupDifference(before, after) {
  const old = [...before?.groups.values() ?? []];
  const byKey = new Map(old.map((group) => [group.key, group]));
  /** @type {Map<Group, Group>} */
  const pairs = new Map();
  for (const group of after.groups.values()) {
    const like = before?.groups.get(group.id) ?? byKey.get(group.key);
    if (like) pairs.set(group, like);
  }
  const kept = new Set(pairs.values());
  const changed = [...pairs].map(([group, was]) =>
    ({ before: was, after: group, fields: GROUP_FIELDS.filter((field) => !same(was[field], group[field])) }));
  return {
    added: [...after.groups.values()].filter((group) => !pairs.has(group)), removed: old.filter((group) => !kept.has(group)),
    changed: changed.filter(({ fields }) => fields.length > 0),
  };
}

/** @param {Graph | null} graph @returns {string} the ways of its links as text */
function routes(graph) {
  if (!graph) return writeJson([[], [], []]);
  const key = (/** @type {string | null} */ id) => graph.reroutes.get(id ?? "")?.key ?? null;
  const points = [...graph.reroutes.values()].map((reroute) => [reroute.key, reroute.position, key(reroute.parent)]);
  const ways = [...graph.links.values()].filter((link) => link.via !== null || link.hidden)
    .map((link) => [link.input, link.slot, key(link.via), link.hidden]);
  const loose = [...graph.floating.values()].map((link) => [link.input, link.slot, key(link.via)]);
  return writeJson([points, ways, loose].map((list) => list.map((entry) => writeJson(entry)).sort()));
}

/**
 * Whether two graphs say the same.
 * @param {GraphDifference} found
 * @returns {boolean}
 */
export function isEmptyDifference({ nodes, groups, links, routes: moved }) {
  const count = (/** @type {Difference<any, any>} */ part) => part.added.length + part.removed.length + part.changed.length;
  return count(nodes) + count(groups) + links.added.length + links.removed.length === 0 && !moved;
}
