/** What lies under a place on the canvas. */

/** @import { Group, Link, Node, Point } from "../model/types.js" */
/** @import { Scene } from "./scene.js" */
/** @import { InputPlace, OutputPlace, Shape, WidgetPlace } from "./shape.js" */

import { distanceTo } from "./curve.js";
import { holds } from "./spatial.js";

/**
 * @typedef {{kind: "background"} | {kind: "link", link: Link} | {kind: "group" | "group-corner", group: Group}
 *   | {kind: "output", node: Node, place: OutputPlace} | {kind: "input", node: Node, place: InputPlace}
 *   | {kind: "widget" | "control", node: Node, place: WidgetPlace}
 *   | {kind: "title" | "fold" | "corner" | "media" | "body", node: Node}} Hit
 */

const REACH = 11;
const CORNER = 14;
export const GROUP_TITLE = 30;

/**
 * The topmost thing at a place.
 * @param {Scene} scene @param {Point} at @param {number} scale of the camera: reach is wider when things are small
 * @returns {Hit}
 */
export function hitTest(scene, at, scale) {
  const [x, y] = at;
  const reach = Math.min(20, Math.max(REACH, 9 / scale));
  const near = scene.nodesIn([x - reach, y - reach, 2 * reach, 2 * reach]);
  for (const node of near.reverse()) {
    const hit = hitNode(node, scene.shape(node), x, y, reach);
    if (hit) return hit;
  }
  const link = nearestLink(scene, x, y, 6 / scale);
  if (link) return { kind: "link", link };
  return hitGroup(scene, x, y) ?? { kind: "background" };
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

/** @param {Scene} scene @param {number} x @param {number} y @param {number} reach @returns {Link | null} */
function nearestLink(scene, x, y, reach) {
  let nearest = null;
  let least = reach;
  for (const { link, points } of scene.linksIn([x - reach, y - reach, 2 * reach, 2 * reach])) {
    const distance = distanceTo(points, x, y);
    if (distance < least) {
      least = distance;
      nearest = link;
    }
  }
  return nearest;
}

/** @param {Scene} scene @param {number} x @param {number} y @returns {Hit | null} */
function hitGroup(scene, x, y) {
  for (const group of [...scene.store.graph.groups.values()].reverse()) {
    const [left, top, width, height] = group.bounds;
    if (!holds(group.bounds, x, y)) continue;
    if (x > left + width - CORNER && y > top + height - CORNER) return { kind: "group-corner", group };
    if (y < top + GROUP_TITLE) return { kind: "group", group };
  }
  return null;
}
