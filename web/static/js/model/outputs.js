/** Which output nodes a part of a graph leads to. */

/** @import { Graph } from "./document.js" */
/** @import { Definitions } from "./types.js" */

/**
 * The keys of the output nodes among some nodes; where there is none, of those that they lead to.
 * @param {Graph} graph @param {Definitions} definitions @param {Iterable<string>} ids
 * @returns {string[]}
 */
export function outputsBehind(graph, definitions, ids) {
  const isOutput = (/** @type {string} */ id) => definitions.get(graph.nodes.get(id)?.type ?? "")?.isOutput ?? false;
  const own = [...ids].filter(isOutput);
  const seen = new Set(ids);
  if (own.length === 0) for (const id of seen) for (const link of graph.linksFrom(id)) seen.add(link.to);
  return (own.length > 0 ? own : [...seen].filter(isOutput)).map((id) => graph.nodes.get(id)?.key ?? "");
}
