/** Two canvases: the graph, painted with a margin so that it can be shifted, and above it what a gesture shows. */

/** @import { Bounds } from "../model/types.js" */
/** @import { View } from "./view.js" */

import { Damage } from "./damage.js";
import { hooks } from "./hooks.js";
import { contains } from "./spatial.js";
import { paintGroups, paintPaper } from "./paint/ground.js";
import { paintLinks, paintReroutes } from "./paint/links.js";
import { paintPreview, paintSlip } from "./paint/media.js";
import { paintNodes } from "./paint/nodes.js";
import { hasOverlay, paintOverlay } from "./paint/overlay.js";

/** How far beyond the stage the graph is painted, in pixels of the page. */
const MARGIN = 192;
/** What sticks out of nodes and links (sockets, shadows) is painted from this far, in pixels of the canvas. */
const FRINGE = 14;

/** Paints what is damaged; when the eye only moves, shifts what is painted. */
export class Painter {
  /** @param {View} view @param {HTMLElement} stage */
  constructor(view, stage) {
    this.view = view;
    this.stage = stage;
    const [scene, overlay] = stage.querySelectorAll("canvas");
    this.scene = scene;
    this.overlay = overlay;
    this.damage = new Damage();
    /** where the eye was when the graph was painted */ this.origin = { x: 0, y: 0, scale: 0 };
    /** @type {Bounds} what is painted: all there is room for, or while zooming what can be seen */ this.covered = [0, 0, 0, 0];
    this.hasOverlay = true;
    this.isShifted = false;
    this.ratio = 1;
    /** MARGIN in whole pixels of the screen */ this.margin = MARGIN;
    /** frames painted whole, frames painted in part, nodes painted, since the start */
    this.counts = { whole: 0, parts: 0, nodes: 0 };
  }

  /** Fits the canvases to the stage and to the pixels of the screen. */
  resize() {
    const { width, height } = this.view;
    this.ratio = Math.min(3, devicePixelRatio || 1);
    this.margin = Math.round(MARGIN * this.ratio) / this.ratio;
    this.fit(this.scene, width + 2 * this.margin, height + 2 * this.margin);
    this.fit(this.overlay, width, height);
    this.scene.style.left = this.scene.style.top = `${-this.margin}px`;
    this.covered = [0, 0, 0, 0];
    this.damage.all();
  }

  /** @param {HTMLCanvasElement} canvas @param {number} width @param {number} height */
  fit(canvas, width, height) {
    canvas.width = Math.round(width * this.ratio);
    canvas.height = Math.round(height * this.ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }

  /** What part of the canvas the picture has room for. @returns {Bounds} */
  area() {
    const { origin: { x, y, scale }, view: { width, height }, margin } = this;
    return [x - margin / scale, y - margin / scale, (width + 2 * margin) / scale, (height + 2 * margin) / scale];
  }

  /** Brings the canvases up to date. */
  draw() {
    const { camera, width, height } = this.view;
    const { scale } = camera;
    /** @type {Bounds} */
    const stage = [camera.x, camera.y, width / scale, height / scale];
    const isZoomed = scale !== this.origin.scale;
    if (isZoomed || !contains(this.covered, stage)) this.damage.all();
    const damaged = this.damage.take(this.covered);
    if (damaged === "whole") {
      this.origin = { x: camera.x, y: camera.y, scale };
      this.covered = isZoomed ? stage : this.area();
      this.place(0, 0);
      this.paint([this.covered]);
      this.counts.whole += 1;
    } else {
      this.place(...this.shift());
      if (damaged.length > 0) {
        this.paint(damaged);
        this.counts.parts += 1;
      }
    }
    this.drawOverlay();
  }

  /** How far the painted graph lies from where it should be, in whole pixels of the screen. @returns {[number, number]} */
  shift() {
    const { camera } = this.view;
    const whole = (/** @type {number} */ value) => Math.round(value * this.ratio) / this.ratio;
    return [whole((this.origin.x - camera.x) * camera.scale), whole((this.origin.y - camera.y) * camera.scale)];
  }

  /** @param {number} across @param {number} down */
  place(across, down) {
    const isShifted = across !== 0 || down !== 0;
    if (isShifted || this.isShifted) this.scene.style.transform = isShifted ? `translate(${across}px, ${down}px)` : "";
    this.isShifted = isShifted;
  }

  /** @param {readonly Bounds[]} parts of the canvas that are painted, the ground first */
  paint(parts) {
    const context = /** @type {CanvasRenderingContext2D} */ (this.scene.getContext("2d", { alpha: false }));
    const { scale } = this.origin;
    const zoom = scale * this.ratio;
    const [left, top] = this.area();
    for (const part of parts) {
      const x = Math.max(0, Math.floor((part[0] - left) * zoom));
      const y = Math.max(0, Math.floor((part[1] - top) * zoom));
      const width = Math.min(this.scene.width, Math.ceil((part[0] + part[2] - left) * zoom)) - x;
      const height = Math.min(this.scene.height, Math.ceil((part[1] + part[3] - top) * zoom)) - y;
      context.save();
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.beginPath();
      context.rect(x, y, width, height);
      context.clip();
      context.setTransform(zoom, 0, 0, zoom, -left * zoom, -top * zoom);
      this.paintPart(context, [left + x / zoom, top + y / zoom, width / zoom, height / zoom]);
      context.restore();
    }
  }

  /** @param {CanvasRenderingContext2D} context on the canvas @param {Bounds} part */
  paintPart(context, part) {
    const { view } = this;
    const wide = /** @type {Bounds} */ ([part[0] - FRINGE, part[1] - FRINGE, part[2] + 2 * FRINGE, part[3] + 2 * FRINGE]);
    paintPaper(context, view, part);
    for (const paint of hooks.ground) paint(context);
    paintGroups(context, view, part);
    paintLinks(context, view, wide);
    paintReroutes(context, view, wide);
    const nodes = view.scene.nodesIn(wide);
    paintNodes(context, view, nodes);
    this.counts.nodes += nodes.length;
    for (const node of view.standing.hangersIn(part)) {
      paintPreview(context, view, node);
      paintSlip(context, view, node);
    }
    for (const paint of hooks.top) paint(context);
  }

  /** The gesture, if there is one. */
  drawOverlay() {
    const isShown = hasOverlay(this.view);
    if (!isShown && !this.hasOverlay) return;
    if (isShown !== this.hasOverlay) this.overlay.hidden = !isShown;
    this.hasOverlay = isShown;
    if (!isShown) return;
    const context = /** @type {CanvasRenderingContext2D} */ (this.overlay.getContext("2d"));
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    paintOverlay(context, this.view);
  }
}
