/** Paints links: a quiet line in the colour of its type, above the paper and below the nodes. */

/** @import { Bounds, Link, Point } from "../../model/types.js" */
/** @import { View } from "../view.js" */

import { typeColour } from "../theme.js";

/** @typedef {[Point, Point, Point, Point]} Curve */

/**
 * All links in sight, those of one colour in one stroke.
 * @param {CanvasRenderingContext2D} context on the canvas @param {View} view @param {Bounds} bounds
 */
export function paintLinks(context, view, bounds) {
  /** @type {Map<string, Curve[]>} */
  const quiet = new Map();
  /** @type {{link: Link, points: Curve}[]} */
  const loud = [];
  for (const entry of view.scene.linksIn(bounds)) {
    if (entry.link.id === view.hiddenLink) continue;
    if (isLoud(view, entry.link)) loud.push(entry);
    else {
      const colour = typeColour(entry.link.type, view.theme.isDark);
      const curves = quiet.get(colour);
      if (curves) curves.push(entry.points);
      else quiet.set(colour, [entry.points]);
    }
  }
  context.lineCap = "round";
  context.globalAlpha = loud.length > 0 ? 0.5 : 0.85;
  context.lineWidth = Math.max(2, 0.9 / view.camera.scale);
  for (const [colour, curves] of quiet) {
    context.strokeStyle = colour;
    context.beginPath();
    for (const points of curves) trace(context, points);
    context.stroke();
  }
  context.globalAlpha = 1;
  for (const { link, points } of loud) paintLoud(context, view, link, points);
}

/** @param {View} view @param {Link} link @returns {boolean} */
function isLoud(view, link) {
  if (view.selectedLink === link.id) return true;
  if (view.hover.kind === "link" && view.hover.link.id === link.id) return true;
  return view.selection.has(link.from) || view.selection.has(link.to);
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {Link} link @param {Curve} points */
function paintLoud(context, view, link, points) {
  const isChosen = view.selectedLink === link.id;
  context.strokeStyle = isChosen ? view.theme.accent : typeColour(link.type, view.theme.isDark);
  context.lineWidth = Math.max(isChosen ? 3.5 : 2.75, 1.2 / view.camera.scale);
  context.beginPath();
  trace(context, points);
  context.stroke();
}

/**
 * Adds a curve to the path of the context.
 * @param {CanvasRenderingContext2D} context @param {Curve} points
 */
export function trace(context, [from, one, two, to]) {
  context.moveTo(from[0], from[1]);
  context.bezierCurveTo(one[0], one[1], two[0], two[1], to[0], to[1]);
}
