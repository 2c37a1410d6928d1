/** Which parts of the picture have to be painted again: everything, or some rectangles of the canvas. */

/** @import { Bounds } from "../model/types.js" */

import { overlap, union } from "./spatial.js";

/** More rectangles than these are not worth keeping apart. */
const MOST = 12;
/** A larger part of what is painted than this is painted whole. */
const SHARE = 0.5;

/** Collects rectangles until the next frame. */
export class Damage {
  constructor() {
    this.isWhole = true;
    /** @type {Bounds[]} */ this.parts = [];
  }

  /** Everything has to be painted. */
  all() {
    this.isWhole = true;
    this.parts = [];
  }

  /** @param {Bounds} bounds a part that has to be painted; parts that touch become one */
  add(bounds) {
    if (this.isWhole) return;
    let grown = bounds;
    for (let index = 0; index < this.parts.length;) {
      if (!overlap(this.parts[index], grown)) index += 1;
      else {
        grown = /** @type {Bounds} */ (union([this.parts[index], grown]));
        this.parts.splice(index, 1);
        index = 0;
      }
    }
    this.parts.push(grown);
    if (this.parts.length > MOST) this.parts = [/** @type {Bounds} */ (union(this.parts))];
  }

  /**
   * What to paint of an area, and begins anew.
   * @param {Bounds} area
   * @returns {"whole" | Bounds[]}
   */
  take(area) {
    const { isWhole } = this;
    const parts = this.parts.filter((part) => overlap(part, area));
    this.isWhole = false;
    this.parts = [];
    const size = parts.reduce((sum, [, , width, height]) => sum + width * height, 0);
    return isWhole || size > SHARE * area[2] * area[3] ? "whole" : parts;
  }
}
