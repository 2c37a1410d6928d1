/** A small map of the whole graph; what is in sight is framed, and the frame can be dragged. */

/** @import { App } from "../app.js" */
/** @import { Bounds } from "../model/types.js" */

import { typeColour } from "../canvas/theme.js";
import { t } from "../words.js";
import { make } from "./dom.js";

const WIDTH = 208;
const HEIGHT = 140;
const PADDING = 8;
/** Changes and news of a run repaint the map no more often. */
const PATIENCE_MILLISECONDS = 250;

/** Painted again when the graph changes; while the eye moves only its frame does. */
export class Minimap {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.canvas = make("canvas", {});
    this.frame = make("div", { className: "minimap-frame" });
    this.element = make("div", { className: "minimap", role: "img", "aria-label": t("Map of the graph") }, this.canvas, this.frame);
    this.isOld = true;
    this.timer = 0;
    /** @type {Bounds} what the map shows */ this.area = [0, 0, 1, 1];
    this.scale = 1;
    this.placed = "";
    const { view } = app;
    view.stage.after(this.element);
    const watch = () => this.follow();
    view.watchers.add(watch);
    const later = () => {
      if (this.timer === 0) this.timer = window.setTimeout(() => this.renew(), PATIENCE_MILLISECONDS);
    };
    const stops = [app.store.listen(later), app.board.listen(later), () => view.watchers.delete(watch)];
    this.dispose = () => {
      clearTimeout(this.timer);
      for (const stop of stops) stop();
      this.element.remove();
    };
    for (const name of ["pointerdown", "pointermove"]) this.element.addEventListener(name, (event) => this.point(/** @type {PointerEvent} */ (event)));
    this.follow();
  }

  /** Something is new. */
  renew() {
    this.timer = 0;
    this.isOld = true;
    this.follow();
  }

  /** @param {PointerEvent} event brings what lies under the pointer to the middle of the stage */
  point(event) {
    if (event.type === "pointerdown") this.element.setPointerCapture(event.pointerId);
    if (event.type === "pointermove" && !this.element.hasPointerCapture(event.pointerId)) return;
    event.preventDefault();
    const { view } = this.app;
    const box = this.element.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / this.scale + this.area[0], (event.clientY - box.top) / this.scale + this.area[1]];
    const { camera, width, height } = view;
    Object.assign(camera, { x: x - width / 2 / camera.scale, y: y - height / 2 / camera.scale });
    view.look();
  }

  /** Brings map and frame up to date. */
  follow() {
    const { view } = this.app;
    if (this.isOld) this.paint();
    const { camera, width, height } = view;
    const [left, top] = [(camera.x - this.area[0]) * this.scale, (camera.y - this.area[1]) * this.scale];
    const [right, bottom] = [left + width / camera.scale * this.scale, top + height / camera.scale * this.scale];
    const clipped = [Math.max(0, left), Math.max(0, top), Math.min(WIDTH, right), Math.min(HEIGHT, bottom)].map(Math.round);
    const place = clipped.join();
    if (place === this.placed) return;
    this.placed = place;
    const { style } = this.frame;
    style.transform = `translate(${clipped[0]}px, ${clipped[1]}px)`;
    style.width = `${Math.max(6, clipped[2] - clipped[0])}px`;
    style.height = `${Math.max(6, clipped[3] - clipped[1])}px`;
  }

  /** Paints the whole graph. */
  paint() {
    this.isOld = false;
    this.placed = "";
    const { view, store } = this.app;
    const ratio = view.painter.ratio;
    Object.assign(this.canvas, { width: WIDTH * ratio, height: HEIGHT * ratio });
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    const [x, y, width, height] = view.scene.bounds() ?? [0, 0, WIDTH, HEIGHT];
    this.scale = Math.min((WIDTH - 2 * PADDING) / width, (HEIGHT - 2 * PADDING) / height, 0.25);
    this.area = [x + width / 2 - WIDTH / 2 / this.scale, y + height / 2 - HEIGHT / 2 / this.scale, WIDTH / this.scale, HEIGHT / this.scale];
    const zoom = this.scale * ratio;
    context.setTransform(zoom, 0, 0, zoom, -this.area[0] * zoom, -this.area[1] * zoom);
    for (const group of store.graph.groups.values()) {
      context.globalAlpha = 0.25;
      context.fillStyle = group.color ?? view.theme.soft;
      context.fillRect(...group.bounds);
    }
    this.paintLinks(context);
    context.globalAlpha = 1;
    for (const node of store.graph.nodes.values()) {
      const { bounds, isKnown } = view.scene.shape(node);
      const isBad = view.isLost(node, isKnown) || (view.board.problems.length > 0 && view.problemsOf(node).length > 0);
      const { theme } = view;
      context.globalAlpha = node.mode === "mute" ? 0.4 : 1;
      context.fillStyle = isBad ? theme.danger : view.runOf(node).state === "running" ? theme.accent
        : node.mode === "bypass" ? theme.bypassFar : node.color ?? theme.titleFar;
      context.fillRect(...bounds);
    }
  }

  /** @param {CanvasRenderingContext2D} context */
  paintLinks(context) {
    const { view } = this.app;
    /** @type {Map<string, Path2D>} */
    const paths = new Map();
    for (const { link, path } of view.scene.placed.values()) {
      if (link.hidden) continue;
      const colour = typeColour(link.type, view.theme.isDark);
      const line = paths.get(colour) ?? new Path2D();
      paths.set(colour, line);
      for (const [from, , , to] of path) {
        line.moveTo(...from);
        line.lineTo(...to);
      }
    }
    context.lineWidth = 0.75 / this.scale;
    context.globalAlpha = 0.55;
    for (const [colour, line] of paths) {
      context.strokeStyle = colour;
      context.stroke(line);
    }
  }
}
