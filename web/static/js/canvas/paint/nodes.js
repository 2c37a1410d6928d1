/** Paints a node: frame, title, sockets, state of its run. Small ones lose detail step by step. */

/** @import { Node } from "../../model/types.js" */
/** @import { Shape } from "../shape.js" */
/** @import { View } from "../view.js" */

import { titleOf } from "../../model/slots.js";
import { typesMatch } from "../../model/validate.js";
import { isPinned, shapeName } from "../../model/looks.js";
import { hooks, paintAll } from "../hooks.js";
import { FONT, typeColour } from "../theme.js";
import { cut, widthOf, write } from "../text.js";
import { paintFar } from "./far.js";
import { paintWidgets } from "./widgets.js";
import { paintMedia } from "./media.js";

const RADIUS = 9;
/** Below this scale nodes are boxes. */
const FAR = 0.25;

/**
 * Nodes, lowest first.
 * @param {CanvasRenderingContext2D} context on the canvas @param {View} view @param {readonly Node[]} nodes
 */
export function paintNodes(context, view, nodes) {
  if (view.camera.scale < FAR) return paintFar(context, view, nodes);
  for (const node of nodes) paintNode(context, view, node);
}

/**
 * One node.
 * @param {CanvasRenderingContext2D} context on the canvas @param {View} view @param {Node} node
 */
function paintNode(context, view, node) {
  const shape = view.scene.shape(node);
  const scale = view.camera.scale;
  context.globalAlpha = node.mode === "normal" ? 1 : 0.5;
  paintFrame(context, view, node, shape, scale);
  if (hooks.behind.size > 0) paintAll(hooks.behind, context, node, shape);
  paintTitle(context, view, node, shape, scale);
  if (scale > 0.28) paintSockets(context, view, node, shape, scale);
  if (!node.collapsed && scale > 0.28) paintWidgets(context, view, node, shape);
  if (shape.media) paintMedia(context, view, node, shape.media);
  if (hooks.over.size > 0) paintAll(hooks.over, context, node, shape);
  context.globalAlpha = 1;
}

/**
 * How the frame of a node is drawn.
 * @param {View} view @param {Node} node @param {boolean} isKnown
 * @returns {{line: string, width: number}}
 */
export function outlineOf(view, node, isKnown) {
  const { theme } = view;
  const run = view.runOf(node);
  if (view.problemsOf(node).length > 0) return { line: theme.danger, width: 2 };
  if (view.selection.has(node.id)) return { line: theme.accent, width: 2 };
  if (run.state === "running") return { line: theme.accent, width: 2 };
  if (view.isLost(node, isKnown)) return { line: theme.danger, width: 1.5 };
  return { line: theme.line, width: 1 };
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {Node} node @param {Shape} shape @param {number} scale */
function paintFrame(context, view, node, shape, scale) {
  const { theme } = view;
  const [x, y, width, height] = shape.bounds;
  const radii = cornersOf(node, scale);
  const whole = node.mode === "normal" ? 1 : 0.5;
  context.fillStyle = theme.shadow;
  context.beginPath();
  context.roundRect(x - 1, y + 1, width + 2, height + 3, radii);
  context.fill();
  context.globalAlpha = whole * view.choices.opacity;
  context.fillStyle = view.isLost(node, shape.isKnown) ? theme.dangerSoft : node.mode === "bypass" ? theme.bypass : theme.node;
  context.beginPath();
  context.roundRect(x, y, width, height, radii);
  context.fill();
  context.globalAlpha = whole;
  if (typeof node.kept.bgcolor === "string") tint(context, node.kept.bgcolor, whole * 0.16);
  context.fillStyle = node.color ?? theme.title;
  context.beginPath();
  context.roundRect(x, y, width, shape.title[3], node.collapsed ? radii : [radii[0], radii[1], 0, 0]);
  context.globalAlpha *= node.color ? 0.3 : 1;
  context.fill();
  context.globalAlpha = whole;
  if (!node.collapsed && scale > 0.28) {
    context.fillStyle = theme.line;
    context.fillRect(x, y + shape.title[3] - 0.5, width, 1);
  }
  paintProgress(context, view, node, shape);
  const { line, width: stroke } = outlineOf(view, node, shape.isKnown);
  context.strokeStyle = line;
  context.lineWidth = Math.max(stroke, stroke * 0.7 / scale);
  context.beginPath();
  context.roundRect(x, y, width, height, radii);
  context.stroke();
}

/** Fills the path a second time, thinly. @param {CanvasRenderingContext2D} context @param {string} colour @param {number} alpha */
function tint(context, colour, alpha) {
  const before = context.globalAlpha;
  context.globalAlpha = alpha;
  context.fillStyle = colour;
  context.fill();
  context.globalAlpha = before;
}

/** @param {Node} node @param {number} scale @returns {[number, number, number, number]} the corners, clockwise from the upper left */
function cornersOf(node, scale) {
  const usual = RADIUS * Math.max(1, Math.min(2, 0.4 / scale));
  const name = shapeName(node);
  if (name === "usual") return [usual, usual, usual, usual];
  if (name === "card") return [usual * 1.6, 2, usual * 1.6, 2];
  const radius = name === "box" ? 0 : usual * 1.7;
  return [radius, radius, radius, radius];
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {Node} node @param {Shape} shape */
function paintProgress(context, view, node, shape) {
  const run = view.runOf(node);
  if (run.state !== "running") return;
  const [x, y, width, height] = shape.title;
  const part = run.max > 0 ? Math.min(1, run.value / run.max) : 0;
  context.save();
  context.beginPath();
  context.roundRect(shape.bounds[0], shape.bounds[1], shape.bounds[2], shape.bounds[3], RADIUS);
  context.clip();
  context.fillStyle = view.theme.accent;
  context.globalAlpha = 0.16;
  context.fillRect(x, y, width * part, height);
  context.globalAlpha = 1;
  context.fillRect(x, y + height - 3, width * part, 3);
  context.restore();
}

/** @param {number} scale @returns {number} the size of titles, which grow a little while everything around them shrinks */
function titleSize(scale) {
  return Math.round(Math.min(21, Math.max(13, 7.5 / scale)));
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {Node} node @param {Shape} shape @param {number} scale */
function paintTitle(context, view, node, shape, scale) {
  const { theme } = view;
  const [x, y, width, height] = shape.title;
  const middle = y + height / 2 + 0.5;
  context.textBaseline = "middle";
  let right = x + width - 12;
  const left = scale > 0.45 ? x + 25 : x + 12;
  if (scale > 0.45) {
    if (isPinned(node)) right = paintPin(context, theme.faint, right, middle);
    right = paintBadge(context, view, node, right, middle);
    for (const badge of hooks.badges) right = paintGuestBadge(context, view, badge(node), right, middle);
    paintFold(context, theme.faint, x + 13, middle, node.collapsed);
  }
  write(context, `600 ${titleSize(scale)}px ${FONT}`);
  context.textAlign = "left";
  context.fillStyle = theme.ink;
  context.fillText(cut(context, titleOf(view.store.definitions, node), right - left - 7), left, middle);
}

/** @param {CanvasRenderingContext2D} context @param {string} colour @param {number} x @param {number} y @returns {number} what is left */
function paintPin(context, colour, x, y) {
  context.strokeStyle = colour;
  context.lineWidth = 1.4;
  context.lineCap = "round";
  context.beginPath();
  context.moveTo(x - 8, y - 4.5);
  context.lineTo(x - 2, y - 4.5);
  context.moveTo(x - 5, y - 4.5);
  context.lineTo(x - 5, y + 0.5);
  context.moveTo(x - 8.5, y + 0.5);
  context.lineTo(x - 1.5, y + 0.5);
  context.moveTo(x - 5, y + 0.5);
  context.lineTo(x - 5, y + 5);
  context.stroke();
  return x - 15;
}

/**
 * What stands at the right end of the title: steps done while it runs, else its state, else its number.
 * @param {CanvasRenderingContext2D} context @param {View} view @param {Node} node @param {number} right @param {number} middle
 * @returns {number} what is left of the title
 */
function paintBadge(context, view, node, right, middle) {
  const run = view.runOf(node);
  const state = { normal: "", mute: "muted", bypass: "bypassed" }[node.mode];
  const steps = run.state === "running" ? (run.max > 1 ? `${run.value}/${run.max}` : "…") : "";
  const text = steps || state || (!view.showsNumbers || node.key.startsWith("-") ? "" : `#${node.key}`);
  write(context, `${steps || state ? 600 : 400} 11px ${FONT}`);
  context.textAlign = "right";
  context.fillStyle = steps ? view.theme.accent : view.theme.faint;
  context.fillText(text, right, middle);
  return right - widthOf(context, text) - 6;
}

/**
 * @param {CanvasRenderingContext2D} context @param {View} view @param {{text: string, colour?: string} | null} badge
 * @param {number} right @param {number} middle
 * @returns {number} what is left of the title
 */
function paintGuestBadge(context, view, badge, right, middle) {
  if (!badge) return right;
  write(context, `600 11px ${FONT}`);
  context.textAlign = "right";
  const width = widthOf(context, badge.text) + 12;
  context.fillStyle = badge.colour ?? view.theme.line;
  context.beginPath();
  context.roundRect(right - width, middle - 8, width, 16, 8);
  context.fill();
  context.fillStyle = badge.colour ? view.theme.node : view.theme.ink;
  context.fillText(badge.text, right - 6, middle);
  return right - width - 6;
}

/** @param {CanvasRenderingContext2D} context @param {string} colour @param {number} x @param {number} y @param {boolean} collapsed */
function paintFold(context, colour, x, y, collapsed) {
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.beginPath();
  if (collapsed) {
    context.moveTo(x - 2, y - 3.5);
    context.lineTo(x + 2, y);
    context.lineTo(x - 2, y + 3.5);
  } else {
    context.moveTo(x - 3.5, y - 2);
    context.lineTo(x, y + 2);
    context.lineTo(x + 3.5, y - 2);
  }
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {Node} node @param {Shape} shape @param {number} scale */
function paintSockets(context, view, node, shape, scale) {
  const graph = view.store.graph;
  const labelled = scale > 0.45 && !node.collapsed;
  write(context, `12px ${FONT}`);
  context.textBaseline = "middle";
  const half = shape.bounds[2] / 2 - 22;
  const wrong = new Set(view.problemsOf(node).map((problem) => problem.input));
  const faced = new Set(shape.outputs.map(({ y }) => y));
  for (const { slot, x, y, onWidget } of shape.inputs) {
    const isLinked = graph.linkInto(node.id, slot.name) !== undefined;
    const isOffered = view.offers(node, "input", slot);
    if (node.collapsed && !isLinked && !isOffered) continue;
    if (onWidget && !isLinked && !isOffered && (view.linking || !view.isHovered(node))) continue;
    const dim = view.linking !== null && !isOffered && !view.isLinkEnd(node.id, slot.name, -1);
    paintSocket(context, view, x, y, slot.type, { isLinked, dim, hollow: slot.optional, small: onWidget, isWrong: wrong.has(slot.name) });
    if (!labelled || onWidget) continue;
    context.textAlign = "left";
    context.fillStyle = wrong.has(slot.name) ? view.theme.danger : slot.optional ? view.theme.faint : view.theme.soft;
    context.fillText(cut(context, slot.label, faced.has(y) ? half : half * 2), x + 13, y);
  }
  for (const { slot, x, y } of shape.outputs) {
    const isLinked = graph.linksFrom(node.id).some((link) => link.slot === slot.index);
    const isOffered = view.offers(node, "output", slot);
    if (node.collapsed && !isLinked && !isOffered) continue;
    const dim = view.linking !== null && !isOffered && !view.isLinkEnd(node.id, "", slot.index);
    paintSocket(context, view, x, y, slot.type, { isLinked, dim, hollow: false, small: false, isWrong: false });
    if (!labelled) continue;
    context.textAlign = "right";
    context.fillStyle = view.theme.soft;
    context.fillText(cut(context, slot.label, half), x - 13, y);
  }
}

/**
 * @param {CanvasRenderingContext2D} context @param {View} view @param {number} x @param {number} y @param {string} type
 * @param {{isLinked: boolean, dim: boolean, hollow: boolean, small: boolean, isWrong: boolean}} state
 */
function paintSocket(context, view, x, y, type, state) {
  const { theme } = view;
  const radius = state.small ? 4 : 5;
  const alpha = context.globalAlpha;
  context.globalAlpha = alpha * (state.dim ? 0.25 : 1);
  if (state.isWrong) {
    context.beginPath();
    context.arc(x, y, radius + 5, 0, 2 * Math.PI);
    context.strokeStyle = theme.danger;
    context.lineWidth = 2;
    context.stroke();
  }
  const colour = typeColour(type, theme.isDark);
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = state.isLinked || !(state.hollow || state.small) ? colour : theme.node;
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = state.isLinked || !(state.hollow || state.small) ? theme.node : colour;
  context.stroke();
  context.globalAlpha = alpha;
}

/**
 * Whether a type can end a link that is being dragged.
 * @param {string} dragged @param {string} type @param {boolean} fromOutput
 * @returns {boolean}
 */
export function couldMeet(dragged, type, fromOutput) {
  return fromOutput ? typesMatch(dragged, type) : typesMatch(type, dragged);
}

