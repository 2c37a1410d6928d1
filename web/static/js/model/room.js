/** Makes room around a node that was put in the middle of a link. */

/** @import { Graph } from "./document.js" */
/** @import { Bounds, Node, Point } from "./types.js" */

const GAP = 40;

/**
 * New positions: the node moves right of what feeds it, and everything that follows it moves right of the node, each only
 * as far as it must and all by the same distance, so that their order stays.
 * @param {Graph} graph @param {(node: Node) => Bounds} boundsOf @param {string} id
 * @returns {Map<string, Point>}
 */
export function roomAfter(graph, boundsOf, id) {
  /** @type {Map<string, Point>} */
  const positions = new Map();
  const node = graph.nodes.get(id);
  if (!node) return positions;
  const edges = (/** @type {readonly string[]} */ ids) => ids.flatMap((one) => {
    const present = graph.nodes.get(one);
    return present ? [boundsOf(present)] : [];
  });
  const [left, , width] = boundsOf(node);
  const before = Math.max(-Infinity, ...edges(graph.linksInto(id).map((link) => link.from)).map(([x, , wide]) => x + wide));
  const own = Math.max(0, Math.ceil(before + GAP - left));
  if (own > 0) positions.set(id, [node.position[0] + own, node.position[1]]);
  const after = Math.min(Infinity, ...edges(graph.linksFrom(id).map((link) => link.to)).map(([x]) => x));
  const shift = Math.max(0, Math.ceil(left + own + width + GAP - after));
  if (shift > 0) {
    for (const one of followersOf(graph, id)) {
      const { position } = /** @type {Node} */ (graph.nodes.get(one));
      positions.set(one, [position[0] + shift, position[1]]);
    }
  }
  return positions;
}

/** @param {Graph} graph @param {string} id @returns {Set<string>} every node that the node feeds, near or far, without itself */
export function followersOf(graph, id) {
  const found = new Set([id]);
  for (const one of found) for (const link of graph.linksFrom(one)) found.add(link.to);
  found.delete(id);
  return found;
}
