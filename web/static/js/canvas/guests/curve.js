/** The editor of curves on a node: points are dragged, added with a press, taken away with a double click. */

/** @import { Bounds, Node } from "../../model/types.js" */
/** @import { App } from "../../app.js" */
/** @import { Guest, Held } from "../hooks.js" */
/** @import { Pointer } from "../input/chart.js" */
/** @import { WidgetPlace } from "../shape.js" */

import { setValue } from "../../model/commands.js";
import { curveOf, heightAt, pointAt, withoutPoint, withPoint, withPointAt } from "../../model/curves.js";

const EDGE = 8;
const REACH = 9;
const STEPS = 60;
let serial = 0;

/** @param {Bounds} bounds @returns {Bounds} the field within its edge */
function field([x, y, width, height]) {
  return [x + EDGE, y + EDGE, width - 2 * EDGE, height - 2 * EDGE];
}

/** @param {Bounds} bounds @param {readonly [number, number]} world @returns {[number, number]} the place on the field, upwards */
function placeIn([x, y, width, height], world) {
  return [(world[0] - x) / width, 1 - (world[1] - y) / height];
}

/** @param {CanvasRenderingContext2D} context @param {App} app @param {Node} node @param {WidgetPlace} place */
function paint(context, { view, store }, node, place) {
  const [x, y, width, height] = field(place.bounds);
  const curve = curveOf(node.values[place.slot.name]);
  const at = (/** @type {number} */ across, /** @type {number} */ up) => /** @type {const} */ ([x + across * width, y + (1 - up) * height]);
  context.fillStyle = view.theme.field;
  context.beginPath();
  context.roundRect(place.bounds[0], place.bounds[1], place.bounds[2], place.bounds[3], 6);
  context.fill();
  if (store.graph.linkInto(node.id, place.slot.name)) return;
  context.strokeStyle = view.theme.line;
  context.lineWidth = 1;
  context.beginPath();
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    context.moveTo(...at(part, 0));
    context.lineTo(...at(part, 1));
    context.moveTo(...at(0, part));
    context.lineTo(...at(1, part));
  }
  context.stroke();
  context.strokeStyle = view.theme.accent;
  context.lineWidth = 2;
  context.beginPath();
  for (let step = 0; step <= STEPS; step += 1) context.lineTo(...at(step / STEPS, heightAt(curve, step / STEPS)));
  context.stroke();
  for (const point of curve.points) {
    context.beginPath();
    context.arc(...at(point[0], point[1]), 4.5, 0, 2 * Math.PI);
    context.fillStyle = view.theme.node;
    context.fill();
    context.stroke();
  }
}

/** @param {App} app @param {Pointer} pointer @param {Node} node @param {WidgetPlace} place @returns {Held | null} */
function press(app, pointer, node, place) {
  const { store } = app;
  const { name } = place.slot;
  if (store.graph.linkInto(node.id, name)) return null;
  const bounds = field(place.bounds);
  const gesture = `drag:curve:${serial++}`;
  const put = (/** @type {import("../../model/curves.js").Curve} */ curve) => store.run("Curve", (change) => setValue(change, node.id, name, curve), gesture);
  const start = placeIn(bounds, pointer.world);
  let curve = curveOf(node.values[name]);
  let index = pointAt(curve, start, [REACH / bounds[2], REACH / bounds[3]]);
  if (index < 0) {
    ({ curve, index } = withPoint(curve, [Math.max(0, Math.min(1, start[0])), Math.max(0, Math.min(1, start[1]))]));
    put(curve = withPointAt(curve, index, start));
  }
  return { move: (moved) => put(curve = withPointAt(curve, index, placeIn(bounds, moved.world))) };
}

/** Takes the point away on which was clicked twice. @param {App} app @param {Pointer} pointer @returns {boolean} */
export function removePoint({ store }, { hit, world }) {
  if (hit.kind !== "widget" || hit.place.slot.widget?.guest !== "CURVE") return false;
  const { node, place: { slot: { name } } } = hit;
  const bounds = field(hit.place.bounds);
  const curve = curveOf(store.graph.nodes.get(node.id)?.values[name]);
  const index = pointAt(curve, placeIn(bounds, world), [REACH / bounds[2], REACH / bounds[3]]);
  if (index >= 0) store.run("Curve", (change) => setValue(change, node.id, name, withoutPoint(curve, index)));
  return true;
}

/** @param {App} app @returns {Guest} */
export function curveGuest(app) {
  return {
    paint: (context, _view, node, place) => paint(context, app, node, place),
    press: (pointer, node, place) => press(app, pointer, node, place),
  };
}
