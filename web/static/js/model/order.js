/** The order in which nodes could run: each after all that feed it. */

/** @import { Graph } from "./document.js" */
/** @import { Node } from "./types.js" */

/**
 * How many links lie at most between each node and the start of the graph. Iterative; nodes on a loop get 0.
 * @param {Graph} graph
 * @returns {Map<string, number>}
 */
function depths(graph) {
  /** @type {Map<string, number>} */
  const waiting = new Map();
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const id of graph.nodes.keys()) waiting.set(id, graph.incoming.get(id)?.size ?? 0);
  const ready = [...waiting].filter(([, count]) => count === 0).map(([id]) => id);
  for (const id of ready) {
    const depth = found.get(id) ?? 0;
    for (const { to } of graph.linksFrom(id)) {
      found.set(to, Math.max(found.get(to) ?? 0, depth + 1));
      const left = (waiting.get(to) ?? 0) - 1;
      waiting.set(to, left);
      if (left === 0) ready.push(to);
    }
  }
  return found;
}

/**
 * The place of each node in such an order; nodes that could run at once keep the order in which they are given.
 * @param {Graph} graph @param {readonly Node[]} nodes
 * @returns {Map<string, number>}
 */
export function executionOrder(graph, nodes) {
  const found = depths(graph);
  const sorted = [...nodes].sort((one, other) => (found.get(one.id) ?? 0) - (found.get(other.id) ?? 0));
  return new Map(sorted.map((node, index) => [node.id, index]));
}
