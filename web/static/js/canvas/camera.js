/** Where the eye is: turns places on the screen into places on the canvas and back. */

/** @import { Bounds, Point } from "../model/types.js" */

export const SMALLEST = 0.06;
export const LARGEST = 4;

/** `x`, `y` is the place on the canvas that stands in the corner of the screen. */
export class Camera {
  constructor() {
    this.x = 0;
    this.y = 0;
    this.scale = 1;
  }

  /** @param {number} x @param {number} y @returns {[number, number]} */
  toWorld(x, y) {
    return [x / this.scale + this.x, y / this.scale + this.y];
  }

  /** @param {number} x @param {number} y @returns {[number, number]} */
  toScreen(x, y) {
    return [(x - this.x) * this.scale, (y - this.y) * this.scale];
  }

  /**
   * Moves by a distance on the screen.
   * @param {number} dx @param {number} dy
   */
  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
  }

  /**
   * Changes the scale and leaves what is under a place on the screen where it is.
   * @param {number} factor @param {Point} at
   */
  zoom(factor, at) {
    const [x, y] = this.toWorld(at[0], at[1]);
    this.scale = Math.min(LARGEST, Math.max(SMALLEST, this.scale * factor));
    this.x = x - at[0] / this.scale;
    this.y = y - at[1] / this.scale;
  }

  /**
   * Shows some bounds whole, in the middle, not larger than `most`.
   * @param {Bounds} bounds @param {number} width @param {number} height @param {number} margin @param {number} most
   */
  fit(bounds, width, height, margin = 48, most = 1) {
    const [x, y, across, down] = bounds;
    const scale = Math.min((width - 2 * margin) / Math.max(1, across), (height - 2 * margin) / Math.max(1, down), most);
    this.scale = Math.min(LARGEST, Math.max(SMALLEST, scale));
    this.x = x + across / 2 - width / 2 / this.scale;
    this.y = y + down / 2 - height / 2 / this.scale;
  }
}
