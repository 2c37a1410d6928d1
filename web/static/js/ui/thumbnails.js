/** Small drawings of saved workflows, made when they come into sight. */

/** @import { Sketch } from "../model/sketch.js" */

import { typeColour } from "../canvas/theme.js";
import { loadWorkflow } from "../engine/kept.js";
import { sketchOf } from "../model/sketch.js";
import { make } from "./dom.js";

const WIDTH = 64;
const HEIGHT = 44;
const MOST = 300;

/** @type {Map<string, Promise<Sketch | null>>} by name and time */
const known = new Map();

/** @param {string} name @param {number} modified @returns {Promise<Sketch | null>} */
function sketch(name, modified) {
  const key = `${modified} ${name}`;
  const found = known.get(key) ?? loadWorkflow(name).then(({ json }) => sketchOf(json), () => null);
  known.delete(key);
  known.set(key, found);
  for (const oldest of known.keys()) {
    if (known.size <= MOST) break;
    known.delete(oldest);
  }
  return found;
}

const sight = new globalThis.IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting || !(target instanceof globalThis.HTMLCanvasElement)) continue;
    sight.unobserve(target);
    const { name = "", modified = "0" } = target.dataset;
    void sketch(name, Number(modified)).then((found) => found && draw(target, found));
  }
});

/**
 * The drawing of a workflow; empty until it was seen.
 * @param {string} name @param {number} modified in milliseconds
 * @returns {HTMLCanvasElement}
 */
export function thumbnail(name, modified) {
  const ratio = Math.min(3, devicePixelRatio || 1);
  const canvas = make("canvas", { className: "thumbnail", width: WIDTH * ratio, height: HEIGHT * ratio, "aria-hidden": "true" });
  Object.assign(canvas.dataset, { name, modified: String(modified) });
  sight.observe(canvas);
  return canvas;
}

/** @param {HTMLCanvasElement} canvas @param {Sketch} sketch */
function draw(canvas, { nodes, links, groups, bounds: [left, top, across, down] }) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const style = getComputedStyle(canvas);
  const isDark = style.getPropertyValue("--is-dark").trim() === "1";
  const edge = canvas.height * 0.1;
  const scale = Math.min((canvas.width - 2 * edge) / across, (canvas.height - 2 * edge) / down, canvas.width / 400);
  context.translate((canvas.width - across * scale) / 2, (canvas.height - down * scale) / 2);
  context.scale(scale, scale);
  context.translate(-left, -top);
  context.lineWidth = 1 / scale;
  context.fillStyle = style.getPropertyValue("--line");
  context.globalAlpha = 0.4;
  for (const box of groups) context.fillRect(...box);
  context.globalAlpha = 0.8;
  for (const { from, to, type } of links) {
    const reach = Math.max(30, (to[0] - from[0]) / 2);
    context.strokeStyle = typeColour(type, isDark);
    context.beginPath();
    context.moveTo(...from);
    context.bezierCurveTo(from[0] + reach, from[1], to[0] - reach, to[1], ...to);
    context.stroke();
  }
  context.globalAlpha = 1;
  for (const { box, colour } of nodes) {
    context.fillStyle = colour ?? style.getPropertyValue("--node-title-far");
    context.fillRect(...box);
  }
  canvas.dataset.drawn = String(nodes.length);
}
