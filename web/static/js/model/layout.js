/** Tidies a graph up: nodes in columns from left to right, groups kept as boxes with their own inside. */

/** @import { Graph } from "./document.js" */
/** @import { Bounds, Group, Link, Node, Point } from "./types.js" */
/** @import { Edge } from "./layers.js" */

import { layerBoxes } from "./layers.js";
import { TITLE } from "./nodes.js";
import { chainOf } from "./reroutes.js";

const GAPS = { across: 70, down: 36 };
const PADDING = 18;
const GROUP_TITLE = 36;

/** @typedef {{nodes: Map<string, Point>, groups: Map<string, Bounds>, reroutes: Map<string, Point>}} Layout */
/**
 * How the layout sees nodes: the space that each takes, and how far below its top a link touches it.
 * @typedef {{boundsOf: (node: Node) => Bounds, outOf: (link: Link) => number, intoOf: (link: Link) => number}} Looks
 */

/** The looks of nodes of which nobody knows more than their size. @type {Looks} */
const PLAIN = {
  boundsOf: ({ position: [x, y], size }) => [x, y - TITLE, size[0], size[1] + TITLE],
  outOf: () => TITLE, intoOf: () => TITLE,
};

/**
 * Positions of all nodes of a graph that came without any.
 * @param {Graph} graph @param {Point} origin
 * @returns {Map<string, Point>}
 */
export function layeredPositions(graph, origin = [80, 120]) {
  return tidied(graph, { origin: [origin[0], origin[1] - TITLE] }).nodes;
}

/**
 * New positions of some nodes, or of all with their groups and reroutes.
 * @param {Graph} graph
 * @param {{ids?: ReadonlySet<string>, looks?: Looks, origin?: Point}} options `origin` is the corner of the whole; without it
 *   the corner stays where it is. With `ids` groups stay as they are.
 * @returns {Layout}
 */
export function tidied(graph, { ids, looks = PLAIN, origin } = {}) {
  const nodes = [...graph.nodes.values()].filter((node) => !ids || ids.has(node.id));
  /** @type {Layout} */
  const layout = { nodes: new Map(), groups: new Map(), reroutes: new Map() };
  if (nodes.length === 0) return layout;
  const groups = ids ? [] : [...graph.groups.values()];
  const corner = origin ?? cornerOf([...nodes.map(looks.boundsOf), ...groups.map((group) => group.bounds)]);
  const homes = homesOf(nodes, groups, looks);
  place({ graph, looks, homes, layout }, null, corner);
  if (!ids) placeReroutes(graph, looks, layout);
  return layout;
}

/** @param {readonly Bounds[]} all @returns {Point} */
function cornerOf(all) {
  return [Math.min(...all.map(([x]) => x)), Math.min(...all.map(([, y]) => y))];
}

/**
 * What lies directly in each group, and in none (null): nodes, and groups with something in them.
 * @typedef {Map<string | null, {nodes: Node[], groups: Group[]}>} Homes
 */

/** @param {Bounds} outer @param {Bounds} inner @returns {boolean} */
function contains(outer, inner) {
  return inner[0] >= outer[0] && inner[1] >= outer[1] && inner[0] + inner[2] <= outer[0] + outer[2] && inner[1] + inner[3] <= outer[1] + outer[3];
}

/** @param {readonly Node[]} nodes @param {readonly Group[]} groups @param {Looks} looks @returns {Homes} */
function homesOf(nodes, groups, looks) {
  const size = (/** @type {Group} */ { bounds }) => bounds[2] * bounds[3];
  const inner = [...groups].sort((one, other) => size(one) - size(other));
  /** @type {Homes} */
  const homes = new Map([[null, { nodes: [], groups: [] }]]);
  for (const group of inner) homes.set(group.id, { nodes: [], groups: [] });
  const home = (/** @type {Bounds} */ bounds, /** @type {number} */ from) =>
    inner.slice(from).find((group) => contains(group.bounds, bounds))?.id ?? null;
  for (const node of nodes) homes.get(home(looks.boundsOf(node), 0))?.nodes.push(node);
  for (const [index, group] of inner.entries()) {
    const own = homes.get(group.id);
    if (own && own.nodes.length + own.groups.length > 0) homes.get(home(group.bounds, index + 1))?.groups.push(group);
  }
  return homes;
}

/**
 * Places what lies in a group, or in none, at a corner.
 * @param {{graph: Graph, looks: Looks, homes: Homes, layout: Layout}} work @param {string | null} id @param {Point} corner
 * @returns {Point} the size of the whole
 */
function place(work, id, corner) {
  const { graph, looks, homes, layout } = work;
  const own = homes.get(id) ?? { nodes: [], groups: [] };
  /** @type {Map<string, string>} node -> the box that it is in */
  const boxOf = new Map(own.nodes.map((node) => [node.id, node.id]));
  const boxes = own.nodes.map((node) => ({ id: node.id, width: looks.boundsOf(node)[2], height: looks.boundsOf(node)[3] }));
  for (const group of own.groups) {
    const [width, height] = place(work, group.id, [0, 0]);
    boxes.push({ id: group.id, width: width + 2 * PADDING, height: height + PADDING + GROUP_TITLE });
    for (const node of within(homes, group.id)) boxOf.set(node, group.id);
  }
  const placed = layerBoxes(boxes, edgesOf(graph, looks, layout, boxOf), GAPS);
  for (const node of own.nodes) {
    const [x, y] = /** @type {Point} */ (placed.get(node.id));
    const [left, top] = looks.boundsOf(node);
    layout.nodes.set(node.id, [Math.round(corner[0] + x + node.position[0] - left), Math.round(corner[1] + y + node.position[1] - top)]);
  }
  for (const box of boxes.slice(own.nodes.length)) {
    const [x, y] = /** @type {Point} */ (placed.get(box.id));
    layout.groups.set(box.id, [corner[0] + x, corner[1] + y, box.width, box.height]);
    shift(work, box.id, corner[0] + x + PADDING, corner[1] + y + GROUP_TITLE);
  }
  return [
    Math.max(0, ...boxes.map((box) => (placed.get(box.id)?.[0] ?? 0) + box.width)),
    Math.max(0, ...boxes.map((box) => (placed.get(box.id)?.[1] ?? 0) + box.height)),
  ];
}

/** @param {Homes} homes @param {string} id @returns {string[]} every node in a group, however deep */
function within(homes, id) {
  const own = homes.get(id);
  return own ? [...own.nodes.map((node) => node.id), ...own.groups.flatMap((group) => within(homes, group.id))] : [];
}

/** Moves everything in a group. @param {{homes: Homes, layout: Layout}} work @param {string} id @param {number} dx @param {number} dy */
function shift({ homes, layout }, id, dx, dy) {
  for (const node of within(homes, id)) {
    const [x, y] = /** @type {Point} */ (layout.nodes.get(node));
    layout.nodes.set(node, [Math.round(x + dx), Math.round(y + dy)]);
  }
  const inner = (/** @type {string} */ outer) => {
    for (const group of homes.get(outer)?.groups ?? []) {
      const [x, y, width, height] = /** @type {Bounds} */ (layout.groups.get(group.id));
      layout.groups.set(group.id, [x + dx, y + dy, width, height]);
      inner(group.id);
    }
  };
  inner(id);
}

/**
 * Links between boxes; inside a group they count from where the node stands in it.
 * @param {Graph} graph @param {Looks} looks @param {Layout} layout @param {ReadonlyMap<string, string>} boxOf
 * @returns {Edge[]}
 */
function edgesOf(graph, looks, layout, boxOf) {
  /** @type {Edge[]} */
  const edges = [];
  const depth = (/** @type {string} */ node, /** @type {string} */ box) =>
    (node === box ? 0 : GROUP_TITLE + (layout.nodes.get(node)?.[1] ?? 0) - TITLE);
  for (const [id, from] of boxOf) {
    for (const link of graph.linksFrom(id)) {
      const to = boxOf.get(link.to);
      if (to === undefined || to === from) continue;
      edges.push({ from, to, out: looks.outOf(link) + depth(id, from), into: looks.intoOf(link) + depth(link.to, to) });
    }
  }
  return edges;
}

/** Puts reroutes evenly between the ends of their link. @param {Graph} graph @param {Looks} looks @param {Layout} layout */
function placeReroutes(graph, looks, layout) {
  for (const link of graph.links.values()) {
    const chain = chainOf(graph, link.via);
    const [from, to] = [graph.nodes.get(link.from), graph.nodes.get(link.to)];
    const [start, end] = [layout.nodes.get(link.from), layout.nodes.get(link.to)];
    if (chain.length === 0 || !from || !to || !start || !end) continue;
    const left = start[0] + looks.boundsOf(from)[2];
    const [top, bottom] = [start[1] - TITLE + looks.outOf(link), end[1] - TITLE + looks.intoOf(link)];
    for (const [index, { id }] of chain.entries()) {
      const part = (index + 1) / (chain.length + 1);
      if (!layout.reroutes.has(id)) layout.reroutes.set(id, [Math.round(left + (end[0] - left) * part), Math.round(top + (bottom - top) * part)]);
    }
  }
}
