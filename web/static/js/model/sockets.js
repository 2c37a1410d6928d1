/** The order of the sockets of a subgraph. */

/** @import { Transaction } from "./document.js" */

import { ENTRY } from "./definitions.js";

/**
 * Lets two sockets of an entry or exit change places, inside and on every node that stands for the subgraph; links follow.
 * @param {Transaction} change @param {string} id the entry or exit @param {number} one @param {number} other indices
 */
export function swapSockets(change, id, one, other) {
  const node = change.node(id);
  const side = node.type === ENTRY ? "outputs" : "inputs";
  const slots = [...node[side]];
  if (!slots[one] || !slots[other]) throw new Error(`there are no sockets ${one} and ${other}`);
  [slots[one], slots[other]] = [slots[other], slots[one]];
  change.put("node", { ...node, [side]: slots });
  // Outputs are counted, inputs are named: so only links that begin at one of the two change.
  if (side === "outputs") return swapLinks(change, id, one, other);
  for (const graph of change.document.graphs.values()) {
    const outer = change.at(graph.id);
    for (const host of [...graph.nodes.values()]) if (host.type === change.graphId) swapLinks(outer, host.id, one, other);
  }
}

/** @param {Transaction} change @param {string} from @param {number} one @param {number} other */
function swapLinks(change, from, one, other) {
  const { links, floating } = change.graph;
  for (const link of [...links.values(), ...floating.values()]) {
    if (link.from !== from || (link.slot !== one && link.slot !== other)) continue;
    change.put(links.has(link.id) ? "link" : "floating", { ...link, slot: link.slot === one ? other : one });
  }
}
