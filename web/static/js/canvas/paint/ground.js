/** Paints what lies below the nodes: paper, dots, and the frames of groups. */

/** @import { View } from "../view.js" */

import { FONT } from "../theme.js";
import { cut } from "../text.js";

const GRID = 24;
const TILE = 48;

/** @type {{colour: string, pattern: CanvasPattern} | null} */
let dots = null;

/**
 * One dot on a tile, large enough to stay crisp when it is scaled.
 * @param {CanvasRenderingContext2D} context @param {string} colour
 * @returns {CanvasPattern | null}
 */
function dotPattern(context, colour) {
  if (dots?.colour === colour) return dots.pattern;
  const tile = document.createElement("canvas");
  tile.width = tile.height = TILE;
  const pen = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
  pen.fillStyle = colour;
  pen.beginPath();
  pen.arc(TILE / 2, TILE / 2, TILE * 0.035, 0, 2 * Math.PI);
  pen.fill();
  const pattern = context.createPattern(tile, "repeat");
  dots = pattern && { colour, pattern };
  return pattern;
}

/**
 * The paper and its dots; the dots thin out as they come close together.
 * @param {CanvasRenderingContext2D} context in screen pixels @param {View} view
 */
export function paintPaper(context, view) {
  const { camera, theme, width, height } = view;
  context.fillStyle = theme.paper;
  context.fillRect(0, 0, width, height);
  let pitch = GRID * camera.scale;
  while (pitch < 16) pitch *= 2;
  const pattern = dotPattern(context, theme.dot);
  if (!pattern) return;
  const left = mod(-camera.x * camera.scale, pitch) - pitch / 2;
  const top = mod(-camera.y * camera.scale, pitch) - pitch / 2;
  pattern.setTransform(new DOMMatrix([pitch / TILE, 0, 0, pitch / TILE, left, top]));
  context.fillStyle = pattern;
  context.fillRect(0, 0, width, height);
}

/** @param {number} value @param {number} divisor @returns {number} */
function mod(value, divisor) {
  return ((value % divisor) + divisor) % divisor;
}

/**
 * The frames of groups, below everything else.
 * @param {CanvasRenderingContext2D} context on the canvas @param {View} view
 */
export function paintGroups(context, view) {
  const { theme, camera } = view;
  for (const group of view.store.graph.groups.values()) {
    const [x, y, width, height] = group.bounds;
    const colour = group.color ?? theme.soft;
    context.beginPath();
    context.roundRect(x, y, width, height, 10);
    context.globalAlpha = theme.isDark ? 0.14 : 0.1;
    context.fillStyle = colour;
    context.fill();
    context.globalAlpha = 0.5;
    context.strokeStyle = view.selectedGroup === group.id ? theme.accent : colour;
    context.lineWidth = view.selectedGroup === group.id ? 2 / Math.min(1, camera.scale) : 1;
    context.stroke();
    context.globalAlpha = 1;
    if (camera.scale < 0.12) continue;
    const size = Math.min(40, Number(group.kept.font_size) || 20) * 0.8;
    context.font = `600 ${size}px ${FONT}`;
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillStyle = theme.soft;
    context.fillText(cut(context, group.title, width - 24), x + 12, y + 17);
  }
}
