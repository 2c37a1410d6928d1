/** Lines nodes up, spreads them evenly, and finds the nearest one in a direction. */

/** @import { Bounds, Point } from "./types.js" */

/** @typedef {"left" | "right" | "top" | "bottom"} Side */
/** @typedef {Readonly<{id: string, position: Point, bounds: Bounds}>} Placed a node and the space that it takes */

/**
 * New positions that bring nodes to one line.
 * @param {readonly Placed[]} nodes @param {Side} side
 * @returns {Map<string, Point>}
 */
export function aligned(nodes, side) {
  const axis = side === "left" || side === "right" ? 0 : 1;
  const isFar = side === "right" || side === "bottom";
  const edge = (/** @type {Placed} */ { bounds }) => bounds[axis] + (isFar ? bounds[axis + 2] : 0);
  const line = isFar ? Math.max(...nodes.map(edge)) : Math.min(...nodes.map(edge));
  return new Map(nodes.map((node) => [node.id, shifted(node.position, axis, line - edge(node))]));
}

/**
 * New positions with equal gaps; the first and the last stay.
 * @param {readonly Placed[]} nodes @param {0 | 1} axis 0 across, 1 down
 * @returns {Map<string, Point>}
 */
export function distributed(nodes, axis) {
  const sorted = [...nodes].sort((one, other) => one.bounds[axis] - other.bounds[axis]);
  const [first, last] = [sorted[0], sorted[sorted.length - 1]];
  if (sorted.length < 3) return new Map();
  const room = last.bounds[axis] + last.bounds[axis + 2] - first.bounds[axis];
  const gap = (room - sorted.reduce((sum, { bounds }) => sum + bounds[axis + 2], 0)) / (sorted.length - 1);
  /** @type {Map<string, Point>} */
  const positions = new Map();
  let place = first.bounds[axis];
  for (const node of sorted) {
    positions.set(node.id, shifted(node.position, axis, Math.round(place - node.bounds[axis])));
    place += node.bounds[axis + 2] + gap;
  }
  return positions;
}

/** @param {Point} position @param {number} axis @param {number} distance @returns {Point} */
function shifted([x, y], axis, distance) {
  return axis === 0 ? [x + distance, y] : [x, y + distance];
}

/**
 * The nearest node in a direction, straight ahead before aside.
 * @param {readonly Placed[]} nodes @param {string} from @param {0 | 1} axis @param {1 | -1} sign
 * @returns {string | null}
 */
export function neighbour(nodes, from, axis, sign) {
  const start = nodes.find(({ id }) => id === from);
  if (!start) return null;
  const middle = (/** @type {Placed} */ { bounds }) => [bounds[0] + bounds[2] / 2, bounds[1] + bounds[3] / 2];
  const origin = middle(start);
  let best = Infinity;
  let found = null;
  for (const node of nodes) {
    const place = middle(node);
    const ahead = (place[axis] - origin[axis]) * sign;
    if (node.id === from || ahead <= 0) continue;
    const distance = ahead + 2 * Math.abs(place[1 - axis] - origin[1 - axis]);
    if (distance < best) [best, found] = [distance, node.id];
  }
  return found;
}
