/** Paints links: a quiet line in the colour of its type, above the paper and below the nodes; reroutes; labels of hidden links. */

/** @import { Bounds, Link } from "../../model/types.js" */
/** @import { Segment } from "../curve.js" */
/** @import { PlacedLink } from "../scene.js" */
/** @import { View } from "../view.js" */

import { along } from "../curve.js";
import { pillsOf } from "../pills.js";
import { write } from "../text.js";
import { FONT, typeColour } from "../theme.js";

/** Below this scale labels and marks are left out. */
const LEGIBLE = 0.35;

/**
 * All links in sight, those of one colour in one stroke.
 * @param {CanvasRenderingContext2D} context on the canvas @param {View} view @param {Bounds} bounds
 */
export function paintLinks(context, view, bounds) {
  /** @type {Map<string, PlacedLink[]>} */
  const quiet = new Map();
  /** @type {PlacedLink[]} */
  const loud = [];
  /** @type {PlacedLink[]} */
  const hidden = [];
  for (const placed of view.scene.linksIn(bounds)) {
    const { link } = placed;
    if (view.held.has(link.id)) continue;
    if (isLoud(view, link)) loud.push(placed);
    else if (link.hidden) hidden.push(placed);
    else if (view.scene.style !== "hidden") {
      const colour = typeColour(link.type, view.theme.isDark);
      const known = quiet.get(colour);
      if (known) known.push(placed);
      else quiet.set(colour, [placed]);
    }
  }
  context.lineCap = "round";
  context.lineJoin = "round";
  context.globalAlpha = dimmed(view);
  context.lineWidth = Math.max(2, 0.9 / view.camera.scale);
  for (const [colour, all] of quiet) stroke(context, view, colour, all);
  context.globalAlpha = 1;
  paintFloating(context, view);
  for (const placed of loud) paintLoud(context, view, placed);
  if (view.camera.scale < LEGIBLE) return;
  if (view.marks !== "none") for (const all of quiet.values()) for (const placed of all) paintMark(context, view, placed, view.marks);
  for (const placed of hidden) paintPills(context, view, placed);
}

/** @param {View} view @returns {number} how much of a link shows that nobody asks about */
function dimmed(view) {
  if (view.selection.size === 0 && view.chosenReroutes.size === 0) return 0.85;
  return view.isFocused ? 0.08 : 0.45;
}

/** @param {View} view @param {Link} link @returns {boolean} */
function isLoud(view, link) {
  if (view.selectedLink === link.id || view.dropLink === link.id || view.cut.has(link.id)) return true;
  const { hover } = view;
  if (hover.kind === "link" && hover.link.id === link.id) return true;
  if (link.hidden && "node" in hover && (hover.node.id === link.from || hover.node.id === link.to)) return true;
  return view.selection.has(link.from) || view.selection.has(link.to);
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {string} colour @param {readonly PlacedLink[]} all */
function stroke(context, view, colour, all) {
  context.strokeStyle = colour;
  context.beginPath();
  for (const { path } of all) tracePath(context, view, path);
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {PlacedLink} placed */
function paintLoud(context, view, placed) {
  const { link } = placed;
  const isChosen = view.selectedLink === link.id || view.dropLink === link.id;
  const isCut = view.cut.has(link.id);
  context.lineWidth = Math.max(isChosen ? 3.5 : 2.75, 1.2 / view.camera.scale);
  if (link.hidden) context.setLineDash([8, 6]);
  const colour = isCut ? view.theme.danger : isChosen ? view.theme.accent : typeColour(link.type, view.theme.isDark);
  stroke(context, view, colour, [placed]);
  context.setLineDash([]);
  const isMeant = isChosen || (view.hover.kind === "link" && view.hover.link.id === link.id);
  const mark = view.marks === "none" && isMeant ? "circle" : view.marks;
  if (view.camera.scale >= LEGIBLE && !isCut && mark !== "none") paintMark(context, view, placed, mark);
}

/** @param {CanvasRenderingContext2D} context @param {View} view */
function paintFloating(context, view) {
  context.setLineDash([5, 6]);
  context.lineWidth = Math.max(2, 0.9 / view.camera.scale);
  for (const { link, path } of view.scene.floating.values()) {
    context.strokeStyle = typeColour(link.type, view.theme.isDark);
    context.beginPath();
    tracePath(context, view, path);
    context.stroke();
  }
  context.setLineDash([]);
}

/**
 * Where the mark of a link stands: the middle of its middle segment.
 * @param {View} view @param {readonly Segment[]} path
 * @returns {{at: [number, number], ahead: [number, number]}}
 */
export function markOf(view, path) {
  const points = path[path.length >> 1];
  return { at: along(points, 0.5, view.scene.style), ahead: along(points, 0.54, view.scene.style) };
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {PlacedLink} placed @param {"circle" | "arrow" | "none"} kind */
function paintMark(context, view, { link, path }, kind) {
  const { at: [x, y], ahead } = markOf(view, path);
  context.fillStyle = typeColour(link.type, view.theme.isDark);
  context.beginPath();
  if (kind === "circle") context.arc(x, y, 4.5, 0, 2 * Math.PI);
  else {
    const turn = Math.atan2(ahead[1] - y, ahead[0] - x);
    const corner = (/** @type {number} */ angle, /** @type {number} */ far) =>
      /** @type {const} */ ([x + Math.cos(turn + angle) * far, y + Math.sin(turn + angle) * far]);
    context.moveTo(...corner(0, 7));
    context.lineTo(...corner(2.4, 7));
    context.lineTo(...corner(-2.4, 7));
  }
  context.fill();
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {PlacedLink} placed */
function paintPills(context, view, placed) {
  const { theme } = view;
  write(context, `11px ${FONT}`);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 1.25;
  for (const { bounds: [x, y, width, height], text, type } of pillsOf(view.scene, placed)) {
    context.beginPath();
    context.roundRect(x, y, width, height, height / 2);
    context.fillStyle = theme.node;
    context.fill();
    context.strokeStyle = typeColour(type, theme.isDark);
    context.stroke();
    context.fillStyle = theme.soft;
    context.fillText(text, x + width / 2, y + height / 2 + 0.5, width - 10);
  }
}

/**
 * The reroutes in sight, above links and below nodes.
 * @param {CanvasRenderingContext2D} context on the canvas @param {View} view @param {Bounds} bounds
 */
export function paintReroutes(context, view, bounds) {
  const { theme, camera: { scale } } = view;
  for (const reroute of view.scene.reroutesIn(bounds)) {
    const [x, y] = reroute.position;
    const isChosen = view.chosenReroutes.has(reroute.id);
    const isHovered = view.hover.kind === "reroute" && view.hover.reroute.id === reroute.id;
    const radius = Math.max(isChosen || isHovered ? 6.5 : 5, 2 / scale);
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = typeColour(view.scene.typeAt(reroute.id), theme.isDark);
    context.fill();
    context.lineWidth = isChosen ? 2 : 1.5;
    context.strokeStyle = isChosen ? theme.accent : theme.node;
    context.stroke();
  }
}

/**
 * Adds the path of a link to the path of the context, in the style of the scene.
 * @param {CanvasRenderingContext2D} context @param {View} view @param {readonly Segment[]} path
 */
export function tracePath(context, view, path) {
  const isLine = view.scene.style === "linear" || view.scene.style === "straight";
  for (const [from, one, two, to] of path) {
    context.moveTo(from[0], from[1]);
    if (!isLine) context.bezierCurveTo(one[0], one[1], two[0], two[1], to[0], to[1]);
    else for (const [x, y] of [one, two, to]) context.lineTo(x, y);
  }
}
