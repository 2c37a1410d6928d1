/** What lies under a place on the canvas. */

/** @import { Bounds, Group, Link, Node, Point, Reroute } from "../model/types.js" */
/** @import { Scene } from "./scene.js" */
/** @import { InputPlace, OutputPlace, Shape, WidgetPlace } from "./shape.js" */

import { along, distanceTo } from "./curve.js";
import { pillsOf } from "./pills.js";
import { REROUTE } from "./scene.js";
import { holds } from "./spatial.js";

/**
 * @typedef {{kind: "background"} | {kind: "link", link: Link, segment: number, isMark: boolean} | {kind: "reroute", reroute: Reroute}
 *   | {kind: "group" | "group-corner", group: Group}
 *   | {kind: "output", node: Node, place: OutputPlace} | {kind: "input", node: Node, place: InputPlace}
 *   | {kind: "widget" | "control", node: Node, place: WidgetPlace}
 *   | {kind: "title" | "fold" | "corner" | "media" | "body", node: Node}} Hit
 */

const REACH = 11;
const CORNER = 14;
export const GROUP_TITLE = 30;

/** Below this scale sockets, widgets and corners are too small to be meant. */
const FAR = 0.25;

/**
 * The topmost thing at a place.
 * @param {Scene} scene @param {Point} at @param {number} scale of the camera: reach is wider when things are small
 * @param {(link: Link) => boolean} isSeen whether the line of a link is drawn
 * @param {boolean} isTouch a finger is less exact than a mouse
 * @returns {Hit}
 */
export function hitTest(scene, at, scale, isSeen = () => true, isTouch = false) {
  const [x, y] = at;
  const least = isTouch ? 22 / Math.max(0.6, scale) : REACH;
  const reach = Math.min(isTouch ? 34 : 20, Math.max(least, 9 / scale));
  const near = scene.nodesIn([x - reach, y - reach, 2 * reach, 2 * reach]);
  for (const node of near.reverse()) {
    const shape = scene.shape(node);
    const hit = scale < FAR ? hitFar(node, shape.bounds, x, y) : hitNode(node, shape, x, y, reach);
    if (hit) return hit;
  }
  const grip = Math.max(REROUTE, (isTouch ? 20 : 9) / scale);
  const [reroute] = scene.reroutesIn([x - grip, y - grip, 2 * grip, 2 * grip]).filter(({ position }) =>
    Math.hypot(position[0] - x, position[1] - y) <= grip);
  if (reroute) return { kind: "reroute", reroute };
  const link = nearestLink(scene, x, y, (isTouch ? 14 : 6) / scale, isSeen);
  if (link) return link;
  return hitGroup(scene, x, y) ?? { kind: "background" };
}

/** @param {Node} node @param {Bounds} bounds @param {number} x @param {number} y @returns {Hit | null} */
function hitFar(node, bounds, x, y) {
  return holds(bounds, x, y) ? { kind: "title", node } : null;
}

/** @param {Node} node @param {Shape} shape @param {number} x @param {number} y @param {number} reach @returns {Hit | null} */
function hitNode(node, shape, x, y, reach) {
  if (!node.collapsed) {
    for (const place of shape.outputs) if (Math.hypot(place.x - x, place.y - y) < reach) return { kind: "output", node, place };
    for (const place of shape.inputs) {
      const narrow = place.onWidget ? Math.min(reach, 8) : reach;
      if (Math.hypot(place.x - x, place.y - y) < narrow) return { kind: "input", node, place };
    }
  }
  if (!holds(shape.bounds, x, y)) return null;
  if (!node.collapsed && x > shape.bounds[0] + shape.bounds[2] - CORNER && y > shape.bounds[1] + shape.bounds[3] - CORNER) {
    return { kind: "corner", node };
  }
  if (holds(shape.title, x, y)) return { kind: x < shape.title[0] + 24 ? "fold" : "title", node };
  for (const place of shape.widgets) {
    if (holds(place.bounds, x, y)) return { kind: "widget", node, place };
    if (place.control && holds(place.control, x, y)) return { kind: "control", node, place };
  }
  if (shape.media && holds(shape.media, x, y)) return { kind: "media", node };
  return hitRow(node, shape, x, y) ?? { kind: "body", node };
}

/**
 * A socket may be taken by its label, too.
 * @param {Node} node @param {Shape} shape @param {number} x @param {number} y
 * @returns {Hit | null}
 */
function hitRow(node, shape, x, y) {
  const width = shape.bounds[2];
  for (const place of shape.outputs) {
    if (Math.abs(place.y - y) < 9 && place.x - x < Math.min(width * 0.3, 12 + place.slot.label.length * 7)) {
      return { kind: "output", node, place };
    }
  }
  for (const place of shape.inputs) {
    if (place.onWidget) continue;
    if (Math.abs(place.y - y) < 9 && x - place.x < Math.min(width * 0.3, 12 + place.slot.label.length * 7)) {
      return { kind: "input", node, place };
    }
  }
  return null;
}

/**
 * The link at a place: by its line, its mark, or the labels of a hidden one.
 * @param {Scene} scene @param {number} x @param {number} y @param {number} reach @param {(link: Link) => boolean} isSeen
 * @returns {Extract<Hit, {kind: "link"}> | null}
 */
function nearestLink(scene, x, y, reach, isSeen) {
  /** @type {Extract<Hit, {kind: "link"}> | null} */
  let nearest = null;
  let least = reach;
  for (const placed of scene.linksIn([x - reach, y - reach, 2 * reach, 2 * reach])) {
    const { link, path } = placed;
    if (!isSeen(link)) {
      const isLabel = link.hidden && pillsOf(scene, placed).some(({ bounds }) => holds(bounds, x, y));
      if (isLabel) return { kind: "link", link, segment: path.length - 1, isMark: false };
      continue;
    }
    for (const [segment, points] of path.entries()) {
      const distance = distanceTo(points, x, y, scene.style);
      if (distance >= least) continue;
      least = distance;
      const [markX, markY] = along(points, 0.5, scene.style);
      const isMark = segment === path.length >> 1 && Math.hypot(markX - x, markY - y) < reach + 2;
      nearest = { kind: "link", link, segment, isMark };
    }
  }
  return nearest;
}

/** @param {Scene} scene @param {number} x @param {number} y @returns {Hit | null} the innermost group whose title or corner is there */
function hitGroup(scene, x, y) {
  const size = (/** @type {Group} */ { bounds }) => bounds[2] * bounds[3];
  const groups = [...scene.store.graph.groups.values()].filter(({ bounds }) => holds(bounds, x, y));
  for (const group of groups.sort((one, other) => size(one) - size(other))) {
    const [left, top, width, height] = group.bounds;
    if (x > left + width - CORNER && y > top + height - CORNER) return { kind: "group-corner", group };
    if (y < top + GROUP_TITLE) return { kind: "group", group };
  }
  return null;
}
