/** Where the parts of a node lie on the canvas: its frame, sockets, widgets and picture. */

/** @import { Bounds, Definition, InputSlot, Node, OutputSlot, Point } from "../model/types.js" */

import { faceOf } from "../model/faces.js";
import { MARGIN, ROW, SLOT, TITLE, showsPictures, showsText, widgetHeight } from "../model/nodes.js";
import { slotsOf } from "../model/slots.js";

export const INSET = 12;
const LEAST_WIDTH = 120;
const LEAST_MEDIA = 90;
const CAPTION = 16;

/** @typedef {Readonly<{slot: InputSlot, x: number, y: number, onWidget: boolean}>} InputPlace */
/** @typedef {Readonly<{slot: OutputSlot, x: number, y: number}>} OutputPlace */
/** @typedef {Readonly<{slot: InputSlot, bounds: Bounds, control: Bounds | null, hasCaption: boolean}>} WidgetPlace */

/**
 * @typedef {Readonly<{
 *   bounds: Bounds, title: Bounds, inputs: readonly InputPlace[], outputs: readonly OutputPlace[],
 *   widgets: readonly WidgetPlace[], media: Bounds | null, isKnown: boolean,
 * }>} Shape
 */

/** @type {WeakMap<object, WeakMap<Node, Shape>>} */
const cache = new WeakMap();

/**
 * The shape of a node; the same object as long as the node is the same.
 * @param {ReadonlyMap<string, Definition>} definitions @param {Node} node
 * @returns {Shape}
 */
export function shapeOf(definitions, node) {
  const source = faceOf(node.id) ?? definitions;
  let known = cache.get(source);
  if (!known) cache.set(source, (known = new WeakMap()));
  let shape = known.get(node);
  if (!shape) known.set(node, (shape = node.collapsed ? collapsedShape(definitions, node) : openShape(definitions, node)));
  return shape;
}

/** @param {ReadonlyMap<string, Definition>} definitions @param {Node} node @returns {Shape} */
function collapsedShape(definitions, node) {
  const slots = slotsOf(definitions, node);
  const [x, y] = node.position;
  const width = Math.max(LEAST_WIDTH, Math.min(node.size[0], 240));
  const top = y - TITLE;
  const middle = top + TITLE / 2;
  /** @type {Bounds} */
  const bounds = [x, top, width, TITLE];
  return {
    bounds, title: bounds, widgets: [], media: null, isKnown: slots.isKnown,
    inputs: slots.inputs.map((slot) => ({ slot, x, y: middle, onWidget: false })),
    outputs: slots.outputs.map((slot) => ({ slot, x: x + width, y: middle })),
  };
}

/** @param {ReadonlyMap<string, Definition>} definitions @param {Node} node @returns {Shape} */
function openShape(definitions, node) {
  const slots = slotsOf(definitions, node);
  const [x, y] = node.position;
  const width = Math.max(LEAST_WIDTH, node.size[0]);
  const sockets = slots.inputs.filter((slot) => !slot.widget);
  const rows = Math.max(sockets.length, slots.outputs.length);
  /** @type {(index: number) => number} */
  const rowMiddle = (index) => y + MARGIN / 2 + SLOT * index + SLOT / 2;
  const inputs = sockets.map((slot, index) => ({ slot, x, y: rowMiddle(index), onWidget: false }));
  const outputs = slots.outputs.map((slot, index) => ({ slot, x: x + width, y: rowMiddle(index) }));
  const start = y + MARGIN / 2 + rows * SLOT + (rows > 0 ? 4 : MARGIN / 2);
  const definition = definitions.get(node.type);
  const hasMedia = showsPictures(definition) || (showsText(definition) && !faceOf(node.id));
  const { widgets, end } = stack(slots.inputs, x, start, width, y + node.size[1], hasMedia);
  for (const place of widgets) {
    if (place.slot.widget?.loose) continue;
    const height = place.slot.widget?.kind === "text" ? ROW : Math.min(ROW, place.bounds[3]);
    inputs.push({ slot: place.slot, x, y: place.bounds[1] + height / 2, onWidget: true });
  }
  const bottom = Math.max(y + node.size[1], end + MARGIN / 2 + (hasMedia ? LEAST_MEDIA : 0));
  /** @type {Bounds | null} */
  const media = hasMedia ? [x + INSET, end + 2, width - 2 * INSET, bottom - end - 2 - INSET] : null;
  return {
    bounds: [x, y - TITLE, width, bottom - y + TITLE], title: [x, y - TITLE, width, TITLE], inputs, outputs, widgets,
    media, isKnown: slots.isKnown,
  };
}

/** @param {InputSlot} slot @returns {boolean} whether a widget takes a share of what height is left */
function isGrowing({ widget }) {
  return widget?.kind === "text" || widget?.grows === true;
}

/**
 * Stacks widgets; texts share what height is left unless a picture takes it.
 * @param {readonly InputSlot[]} inputs @param {number} x @param {number} start @param {number} width
 * @param {number} bottom @param {boolean} hasMedia
 * @returns {{widgets: WidgetPlace[], end: number}}
 */
function stack(inputs, x, start, width, bottom, hasMedia) {
  const slots = inputs.filter((slot) => slot.widget && !slot.widget.hidden);
  const texts = slots.filter((slot) => slot.widget?.kind === "text").length;
  const growing = slots.filter(isGrowing).length;
  const heightOf = (/** @type {InputSlot} */ slot) =>
    slot.widget?.kind === "text" ? slot.widget.height ?? 60 : widgetHeight(/** @type {import("../model/types.js").Widget} */ (slot.widget));
  const least = slots.reduce((sum, slot) => sum + heightOf(slot), 0);
  const left = Math.max(0, bottom - MARGIN / 2 - start - least);
  const share = growing > 0 && !hasMedia ? left / growing : 0;
  /** @type {WidgetPlace[]} */
  const widgets = [];
  let y = start;
  for (const slot of slots) {
    const isText = slot.widget?.kind === "text";
    const height = heightOf(slot) + (isGrowing(slot) ? share : 0);
    const seeded = Boolean(slot.widget?.seeded);
    const hasCaption = isText && texts > 1;
    const caption = hasCaption ? CAPTION : 0;
    widgets.push({
      slot, hasCaption,
      bounds: [x + INSET, y + 1 + caption, width - 2 * INSET, (seeded ? ROW : height) - (isText ? 6 : 3) - caption],
      control: seeded ? [x + INSET, y + ROW + 1, width - 2 * INSET, ROW - 3] : null,
    });
    y += height;
  }
  return { widgets, end: y };
}

/**
 * Where a link begins, given the output's index.
 * @param {Shape} shape @param {number} index
 * @returns {Point}
 */
export function outputPoint(shape, index) {
  const place = shape.outputs[index] ?? shape.outputs.at(-1);
  return place ? [place.x, place.y] : [shape.bounds[0] + shape.bounds[2], shape.bounds[1] + TITLE / 2];
}

/**
 * Where a link ends, given the input's name.
 * @param {Shape} shape @param {string} name
 * @returns {Point}
 */
export function inputPoint(shape, name) {
  const place = shape.inputs.find(({ slot }) => slot.name === name);
  return place ? [place.x, place.y] : [shape.bounds[0], shape.bounds[1] + TITLE / 2];
}
