/** Places nodes in columns from left to right, for graphs that come without positions. */

/** @import { Graph } from "./document.js" */
/** @import { Point } from "./types.js" */

import { TITLE } from "./nodes.js";

const COLUMN_GAP = 70;
const ROW_GAP = 40;

/**
 * How many links lie at most between each node and the start of the graph. Iterative; nodes on a loop get column 0.
 * @param {Graph} graph
 * @returns {Map<string, number>}
 */
export function columnsOf(graph) {
  /** @type {Map<string, number>} */
  const waiting = new Map();
  /** @type {Map<string, number>} */
  const columns = new Map();
  for (const id of graph.nodes.keys()) {
    waiting.set(id, graph.linksInto(id).length);
    columns.set(id, 0);
  }
  const ready = [...waiting].filter(([, count]) => count === 0).map(([id]) => id);
  for (const id of ready) {
    for (const link of graph.linksFrom(id)) {
      columns.set(link.to, Math.max(columns.get(link.to) ?? 0, (columns.get(id) ?? 0) + 1));
      const left = (waiting.get(link.to) ?? 0) - 1;
      waiting.set(link.to, left);
      if (left === 0) ready.push(link.to);
    }
  }
  return columns;
}

/**
 * Positions in columns: each column ordered by the mean height of what feeds it, so that links cross less.
 * @param {Graph} graph @param {Point} origin
 * @returns {Map<string, Point>}
 */
export function layeredPositions(graph, origin = [80, 120]) {
  /** @type {string[][]} */
  const columns = [];
  for (const [id, column] of columnsOf(graph)) (columns[column] ??= []).push(id);
  /** @type {Map<string, Point>} */
  const positions = new Map();
  let x = origin[0];
  for (const ids of columns) {
    const wish = (/** @type {string} */ id) => {
      const feeds = graph.linksInto(id).map((link) => positions.get(link.from)?.[1] ?? 0);
      return feeds.length === 0 ? 0 : feeds.reduce((sum, y) => sum + y, 0) / feeds.length;
    };
    const ordered = ids.map((id) => ({ id, wish: wish(id) })).sort((one, other) => one.wish - other.wish);
    let y = origin[1];
    let width = 0;
    for (const { id } of ordered) {
      const size = graph.nodes.get(id)?.size ?? [200, 100];
      positions.set(id, [x, y]);
      y += size[1] + TITLE + ROW_GAP;
      width = Math.max(width, size[0]);
    }
    x += width + COLUMN_GAP;
  }
  return positions;
}
