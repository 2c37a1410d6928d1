/** Paints what lasts only as long as a gesture: the link that is being drawn, the selection box, a refusal. */

/** @import { View } from "../view.js" */

import { segment } from "../curve.js";
import { write } from "../text.js";
import { FONT, typeColour } from "../theme.js";
import { tracePath } from "./links.js";

/** @param {View} view @returns {boolean} whether a gesture shows anything */
export function hasOverlay(view) {
  return view.box !== null || view.linking !== null || view.stroke.length > 0;
}

/**
 * @param {CanvasRenderingContext2D} context in screen pixels @param {View} view
 */
export function paintOverlay(context, view) {
  context.clearRect(0, 0, view.width, view.height);
  const { camera } = view;
  context.save();
  context.scale(camera.scale, camera.scale);
  context.translate(-camera.x, -camera.y);
  if (view.box) paintBox(context, view);
  if (view.linking) paintLinking(context, view);
  if (view.stroke.length > 0) paintStroke(context, view);
  context.restore();
  if (view.linking?.refusal) paintRefusal(context, view, view.linking.refusal);
}

/** @param {CanvasRenderingContext2D} context @param {View} view */
function paintBox(context, view) {
  const [x, y, width, height] = /** @type {import("../../model/types.js").Bounds} */ (view.box);
  context.fillStyle = view.theme.accent;
  context.globalAlpha = 0.1;
  context.fillRect(x, y, width, height);
  context.globalAlpha = 1;
  context.strokeStyle = view.theme.accent;
  context.lineWidth = 1 / view.camera.scale;
  context.strokeRect(x, y, width, height);
}

/** The stroke that cuts links, or leads from node to node. @param {CanvasRenderingContext2D} context @param {View} view */
function paintStroke(context, view) {
  const { theme, camera, stroke } = view;
  context.strokeStyle = view.cut.size > 0 ? theme.danger : theme.accent;
  context.lineWidth = 2 / camera.scale;
  context.setLineDash([7 / camera.scale, 6 / camera.scale]);
  context.beginPath();
  for (const [x, y] of stroke) context.lineTo(x, y);
  context.stroke();
  context.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} context @param {View} view */
function paintLinking(context, view) {
  const linking = /** @type {import("../view.js").Linking} */ (view.linking);
  const end = linking.snap ?? linking.at;
  context.lineCap = "round";
  context.lineWidth = 2.75;
  context.strokeStyle = linking.refusal ? view.theme.danger : typeColour(linking.type, view.theme.isDark);
  for (const start of linking.starts) {
    context.beginPath();
    const ends = linking.fromOutput ? /** @type {const} */ ([start, end]) : /** @type {const} */ ([end, start]);
    tracePath(context, view, [segment(...ends, view.scene.style)]);
    context.stroke();
  }
  context.beginPath();
  context.arc(end[0], end[1], linking.snap ? 8 : 5, 0, 2 * Math.PI);
  if (linking.snap) context.stroke();
  else {
    context.fillStyle = context.strokeStyle;
    context.fill();
  }
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {string} text */
function paintRefusal(context, view, text) {
  const linking = /** @type {import("../view.js").Linking} */ (view.linking);
  const [x, y] = view.camera.toScreen(linking.at[0], linking.at[1]);
  write(context, `600 13px ${FONT}`);
  const width = context.measureText(text).width + 24;
  const left = Math.min(x + 16, view.width - width - 8);
  context.fillStyle = view.theme.danger;
  context.beginPath();
  context.roundRect(left, y + 14, width, 30, 7);
  context.fill();
  context.fillStyle = view.theme.onAccent;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(text, left + 12, y + 29.5);
}
