/** Brings the subgraphs of one document into another. */

/** @import { Document, Graph, Transaction } from "./document.js" */

import { graphDifference, isEmptyDifference } from "./diff.js";
import { newUuid } from "./ids.js";
import { holdsSubgraph } from "./subgraphs.js";

/**
 * Adds the subgraphs of another document. One that is here already stays as it is; where the two differ, the other comes in
 * under a name of its own.
 * @param {Transaction} change @param {Document} from
 * @returns {Map<string, string>} new identities by those in the other document
 */
export function addSubgraphs(change, from) {
  const { document } = change;
  const names = new Map([...from.subgraphs.keys()].filter((id) => document.subgraphs.has(id) && !isSameGraph(document, from, id))
    .map((id) => [id, newUuid()]));
  for (const id of from.subgraphs.keys()) {
    const isHolder = [...names.keys()].some((inner) => id !== inner && holdsSubgraph(from, id, inner));
    if (isHolder && document.subgraphs.has(id) && !names.has(id)) names.set(id, newUuid());
  }
  for (const [old, subgraph] of from.subgraphs) {
    const id = names.get(old) ?? old;
    if (document.subgraphs.has(id)) continue;
    change.put("graph", id === old ? subgraph : { ...subgraph, id });
    const within = change.at(id);
    for (const node of /** @type {Graph} */ (from.graphs.get(old)).nodes.values()) {
      within.put("node", names.has(node.type) ? { ...node, type: /** @type {string} */ (names.get(node.type)) } : node);
    }
    for (const kind of /** @type {const} */ (["link", "reroute", "floating", "group"])) {
      for (const record of from.records(old, kind).values()) within.put(kind, record);
    }
  }
  return names;
}

/** @param {Document} one @param {Document} other @param {string} id @returns {boolean} */
function isSameGraph(one, other, id) {
  const [first, second] = [one.graphs.get(id), other.graphs.get(id)];
  return first === second || Boolean(first && second && isEmptyDifference(graphDifference(first, second)));
}
