/** The editor of boxes on a node: drawn with a drag, moved, resized at their corners, taken away with a double click. */

/** @import { Bounds, Node } from "../../model/types.js" */
/** @import { App } from "../../app.js" */
/** @import { Guest, Held } from "../hooks.js" */
/** @import { Pointer } from "../input/chart.js" */
/** @import { WidgetPlace } from "../shape.js" */

import { setValue } from "../../model/commands.js";
import { boxBetween, boxesOf, cornersOf, gripAt, movedBox } from "../../model/boxes.js";
import { within } from "../paint/media.js";
import { write } from "../text.js";
import { FONT } from "../theme.js";

const REACH = 7;
const SHEET = 512;
const PICTURES = ["background", "image"];
let serial = 0;

/** The picture that the boxes lie on, of the node that feeds it. @param {App} app @param {Node} node @returns {string | null} */
function pictureUrl({ store, view }, node) {
  for (const name of PICTURES) {
    const source = store.graph.nodes.get(store.graph.linkInto(node.id, name)?.from ?? "");
    if (source) return view.picturesOf(source)[0] ?? null;
  }
  return null;
}

/**
 * Where the sheet lies in the field, and how large it is.
 * @param {App} app @param {Node} node @param {WidgetPlace} place
 * @returns {{box: Bounds, size: [number, number], picture: ImageBitmap | null}}
 */
function sheetOf(app, node, { bounds }) {
  const { view } = app;
  const url = pictureUrl(app, node);
  const picture = url ? view.pictures.get(url, bounds[2] * view.camera.scale * view.painter.ratio) ?? null : null;
  const whole = url ? view.pictures.sizeOf(url) : null;
  const size = /** @type {[number, number]} */ (whole ?? [Number(node.values.width) || SHEET, Number(node.values.height) || SHEET]);
  return { box: within({ width: size[0], height: size[1] }, bounds, 0), size, picture };
}

/** @param {CanvasRenderingContext2D} context @param {App} app @param {Node} node @param {WidgetPlace} place */
function paint(context, app, node, place) {
  const { view, store } = app;
  const { box: [x, y, width, height], size, picture } = sheetOf(app, node, place);
  context.fillStyle = view.theme.field;
  context.fillRect(x, y, width, height);
  if (picture) context.drawImage(picture, x, y, width, height);
  context.lineWidth = 1;
  context.strokeStyle = view.theme.line;
  context.strokeRect(x, y, width, height);
  if (store.graph.linkInto(node.id, place.slot.name)) return;
  const scale = width / size[0];
  write(context, `600 11px ${FONT}`);
  context.textAlign = "left";
  context.textBaseline = "top";
  for (const [index, one] of boxesOf(node.values[place.slot.name]).entries()) {
    const [left, top] = [x + one.x * scale, y + one.y * scale];
    context.fillStyle = view.theme.accent;
    context.globalAlpha *= 0.18;
    context.fillRect(left, top, one.width * scale, one.height * scale);
    context.globalAlpha /= 0.18;
    context.strokeStyle = view.theme.accent;
    context.lineWidth = 1.5;
    context.strokeRect(left, top, one.width * scale, one.height * scale);
    for (const grip of /** @type {const} */ (["nw", "ne", "sw", "se"])) {
      const [[gripX, gripY]] = cornersOf(one, grip);
      context.fillRect(x + gripX * scale - 2.5, y + gripY * scale - 2.5, 5, 5);
    }
    context.fillText(String(one.label ?? index + 1), left + 5, top + 5, Math.max(10, one.width * scale - 8));
  }
}

/**
 * @param {App} app @param {Node} node @param {WidgetPlace} place @param {readonly [number, number]} world
 * @returns {[number, number]} in pixels of the sheet
 */
function placeOn(app, node, place, world) {
  const { box: [x, y, width], size } = sheetOf(app, node, place);
  return [(world[0] - x) * size[0] / width, (world[1] - y) * size[0] / width];
}

/**
 * @param {App} app @param {boolean} isOne whether there is only one box @param {Pointer} pointer
 * @param {Node} node @param {WidgetPlace} place @returns {Held | null}
 */
function press(app, isOne, pointer, node, place) {
  const { store, view } = app;
  const { name } = place.slot;
  if (store.graph.linkInto(node.id, name)) return null;
  const { box, size } = sheetOf(app, node, place);
  const boxes = boxesOf(node.values[name]);
  const start = placeOn(app, node, place, pointer.world);
  const held = gripAt(boxes, start, REACH * size[0] / box[2] / Math.min(1, view.camera.scale));
  const gesture = `drag:boxes:${serial++}`;
  const put = (/** @type {import("../../model/boxes.js").Box[]} */ changed) =>
    store.run("Boxes", (change) => setValue(change, node.id, name, isOne ? changed.at(-1) ?? null : changed), gesture);
  return {
    move: (moved) => {
      const at = placeOn(app, node, place, moved.world);
      if (!held) return put([...(isOne ? [] : boxes), boxBetween(start, at, size)]);
      const one = boxes[held.index];
      const [corner, fixed] = cornersOf(one, held.grip);
      const by = [at[0] - start[0], at[1] - start[1]];
      const changed = held.grip === "inside" ? movedBox(one, by[0], by[1], size) : boxBetween([corner[0] + by[0], corner[1] + by[1]], fixed, size, one);
      put(boxes.map((other, index) => (index === held.index ? changed : other)));
    },
  };
}

/** Takes the box away on which was clicked twice. @param {App} app @param {Pointer} pointer @returns {boolean} */
export function removeBox(app, { hit, world }) {
  if (hit.kind !== "widget" || hit.place.slot.widget?.guest !== "BOUNDING_BOXES") return false;
  const { place } = hit;
  const { store } = app;
  const node = store.graph.nodes.get(hit.node.id);
  if (!node) return false;
  const boxes = boxesOf(node.values[place.slot.name]);
  const found = gripAt(boxes, placeOn(app, node, place, world), 0);
  if (found) store.run("Boxes", (change) => setValue(change, node.id, place.slot.name, boxes.filter((_box, index) => index !== found.index)));
  return true;
}

/** @param {App} app @param {boolean} isOne @returns {Guest} */
export function boxesGuest(app, isOne) {
  return {
    paint: (context, _view, node, place) => paint(context, app, node, place),
    press: (pointer, node, place) => press(app, isOne, pointer, node, place),
  };
}
