/** Paints what lies below the nodes: paper, dots, and the frames of groups. */

/** @import { Bounds } from "../../model/types.js" */
/** @import { View } from "../view.js" */

import { FONT } from "../theme.js";
import { overlap } from "../spatial.js";
import { cut, write } from "../text.js";

const GRID = 24;
const DOT = 0.07;
const LEAST_PITCH = 16;

/**
 * The paper and its dots, which thin out as they come close together.
 * @param {CanvasRenderingContext2D} context on the canvas @param {View} view @param {Bounds} part
 */
export function paintPaper(context, { camera, theme, choices }, [x, y, width, height]) {
  context.fillStyle = theme.paper;
  context.fillRect(x, y, width, height);
  if (!choices.dots) return;
  let pitch = GRID;
  while (pitch * camera.scale < LEAST_PITCH) pitch *= 2;
  const size = DOT * pitch;
  context.fillStyle = theme.dot;
  const [left, top] = [x, y].map((start) => Math.floor(start / pitch) * pitch);
  for (let row = top; row < y + height + size; row += pitch) {
    for (let column = left; column < x + width + size; column += pitch) context.fillRect(column - size / 2, row - size / 2, size, size);
  }
}

/**
 * The frames of groups, below everything else.
 * @param {CanvasRenderingContext2D} context on the canvas @param {View} view @param {Bounds} part
 */
export function paintGroups(context, view, part) {
  const { theme, camera } = view;
  for (const group of view.store.graph.groups.values()) {
    if (!overlap(group.bounds, part)) continue;
    const [x, y, width, height] = group.bounds;
    const colour = group.color ?? theme.soft;
    context.beginPath();
    context.roundRect(x, y, width, height, 10);
    context.globalAlpha = theme.isDark ? 0.09 : 0.1;
    context.fillStyle = colour;
    context.fill();
    context.globalAlpha = 0.5;
    context.strokeStyle = view.selectedGroup === group.id ? theme.accent : colour;
    context.lineWidth = view.selectedGroup === group.id ? 2 / Math.min(1, camera.scale) : 1;
    context.stroke();
    context.globalAlpha = 1;
    if (camera.scale < 0.12) continue;
    const size = Math.min(100, Number(group.kept.font_size) || 20) * 0.8;
    write(context, `600 ${size}px ${FONT}`);
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillStyle = theme.soft;
    context.fillText(cut(context, group.title, width - 24), x + 12, y + Math.max(17, size * 0.62 + 6));
  }
}
