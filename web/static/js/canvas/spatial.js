/** Finds what lies in a part of the canvas without looking at everything: a grid of square cells. */

/** @import { Bounds } from "../model/types.js" */

const CELL = 512;

/** Which ids touch which cells. */
export class SpatialIndex {
  constructor() {
    /** @type {Map<string, Set<string>>} */ this.cells = new Map();
    /** @type {Map<string, {bounds: Bounds, cells: string[]}>} */ this.entries = new Map();
  }

  /** Forgets everything. */
  clear() {
    this.cells.clear();
    this.entries.clear();
  }

  /** @param {string} id @param {Bounds} bounds */
  set(id, bounds) {
    this.remove(id);
    const cells = cellsOf(bounds);
    for (const name of cells) {
      const cell = this.cells.get(name);
      if (cell) cell.add(id);
      else this.cells.set(name, new Set([id]));
    }
    this.entries.set(id, { bounds, cells });
  }

  /** @param {string} id */
  remove(id) {
    for (const name of this.entries.get(id)?.cells ?? []) {
      const cell = this.cells.get(name);
      cell?.delete(id);
      if (cell?.size === 0) this.cells.delete(name);
    }
    this.entries.delete(id);
  }

  /**
   * Ids whose bounds overlap some bounds.
   * @param {Bounds} bounds
   * @returns {Set<string>}
   */
  query(bounds) {
    /** @type {Set<string>} */
    const found = new Set();
    const across = bounds[2] / CELL;
    const down = bounds[3] / CELL;
    if (across * down > this.cells.size) {
      for (const [id, entry] of this.entries) if (overlap(entry.bounds, bounds)) found.add(id);
      return found;
    }
    for (const name of cellsOf(bounds)) {
      for (const id of this.cells.get(name) ?? []) {
        const entry = this.entries.get(id);
        if (entry && overlap(entry.bounds, bounds)) found.add(id);
      }
    }
    return found;
  }
}

/** @param {Bounds} bounds @returns {string[]} */
function cellsOf([x, y, width, height]) {
  const names = [];
  for (let column = Math.floor(x / CELL); column <= Math.floor((x + width) / CELL); column += 1) {
    for (let row = Math.floor(y / CELL); row <= Math.floor((y + height) / CELL); row += 1) names.push(`${column},${row}`);
  }
  return names;
}

/** @param {Bounds} one @param {Bounds} other @returns {boolean} */
export function overlap(one, other) {
  return one[0] <= other[0] + other[2] && other[0] <= one[0] + one[2] &&
    one[1] <= other[1] + other[3] && other[1] <= one[1] + one[3];
}

/** @param {Bounds} outer @param {Bounds} inner @returns {boolean} */
export function contains(outer, inner) {
  return inner[0] >= outer[0] && inner[1] >= outer[1] &&
    inner[0] + inner[2] <= outer[0] + outer[2] && inner[1] + inner[3] <= outer[1] + outer[3];
}

/** @param {Bounds} bounds @param {number} x @param {number} y @returns {boolean} */
export function holds(bounds, x, y) {
  return x >= bounds[0] && y >= bounds[1] && x <= bounds[0] + bounds[2] && y <= bounds[1] + bounds[3];
}

/**
 * The smallest bounds around others, or null for none.
 * @param {Iterable<Bounds>} all
 * @returns {Bounds | null}
 */
export function union(all) {
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (const [x, y, width, height] of all) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + width);
    bottom = Math.max(bottom, y + height);
  }
  return left === Infinity ? null : [left, top, right - left, bottom - top];
}
