/** Finds what lies in a part of the canvas without looking at everything: a grid of square cells. */

/** @import { Bounds } from "../model/types.js" */

const CELL = 512;
/** What covers more cells is looked at every time. */
const MOST_CELLS = 1024;
const ROWS = 2 ** 24;

/** @typedef {{bounds: Bounds, left: number, top: number, right: number, bottom: number, isWide: boolean}} Entry */

/** Which ids touch which cells. */
export class SpatialIndex {
  constructor() {
    /** @type {Map<number, Set<string>>} */ this.cells = new Map();
    /** @type {Map<string, Entry>} */ this.entries = new Map();
    /** @type {Set<string>} */ this.wide = new Set();
  }

  /** Forgets everything. */
  clear() {
    this.cells.clear();
    this.entries.clear();
    this.wide.clear();
  }

  /** @param {string} id @param {Bounds} bounds */
  set(id, bounds) {
    const entry = entryOf(bounds);
    const before = this.entries.get(id);
    if (before && before.left === entry.left && before.top === entry.top && before.right === entry.right && before.bottom === entry.bottom) {
      before.bounds = bounds;
      return;
    }
    if (before) this.remove(id);
    this.entries.set(id, entry);
    if (entry.isWide) return void this.wide.add(id);
    for (let column = entry.left; column <= entry.right; column += 1) {
      for (let row = entry.top; row <= entry.bottom; row += 1) {
        const name = column * ROWS + row;
        const cell = this.cells.get(name);
        if (cell) cell.add(id);
        else this.cells.set(name, new Set([id]));
      }
    }
  }

  /** @param {string} id */
  remove(id) {
    const entry = this.entries.get(id);
    if (!entry) return;
    this.entries.delete(id);
    if (this.wide.delete(id)) return;
    for (let column = entry.left; column <= entry.right; column += 1) {
      for (let row = entry.top; row <= entry.bottom; row += 1) {
        const name = column * ROWS + row;
        const cell = this.cells.get(name);
        cell?.delete(id);
        if (cell?.size === 0) this.cells.delete(name);
      }
    }
  }

  /**
   * Ids whose bounds overlap some bounds.
   * @param {Bounds} bounds
   * @returns {Set<string>}
   */
  query(bounds) {
    /** @type {Set<string>} */
    const found = new Set();
    const { left, top, right, bottom } = entryOf(bounds);
    if ((right - left + 1) * (bottom - top + 1) > this.cells.size) {
      for (const [id, entry] of this.entries) if (overlap(entry.bounds, bounds)) found.add(id);
      return found;
    }
    for (const id of this.wide) this.take(id, bounds, found);
    for (let column = left; column <= right; column += 1) {
      for (let row = top; row <= bottom; row += 1) {
        for (const id of this.cells.get(column * ROWS + row) ?? []) this.take(id, bounds, found);
      }
    }
    return found;
  }

  /** @param {string} id @param {Bounds} bounds @param {Set<string>} found */
  take(id, bounds, found) {
    const entry = this.entries.get(id);
    if (entry && overlap(entry.bounds, bounds)) found.add(id);
  }
}

/** @param {Bounds} bounds @returns {Entry} */
function entryOf(bounds) {
  const [x, y, width, height] = bounds;
  const [left, top, right, bottom] = [x, y, x + width, y + height].map((value) => Math.floor(value / CELL));
  const count = (right - left + 1) * (bottom - top + 1);
  return { bounds, left, top, right, bottom, isWide: !(count <= MOST_CELLS) };
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
