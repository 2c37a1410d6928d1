/** Makes node records: with default values, and with a size that fits their slots. */

/** @import { Definition, InputDefinition, Node, Point, Widget } from "./types.js" */

import { liveInputs } from "./definitions.js";
import { newId } from "./ids.js";

export const TITLE = 30;
export const SLOT = 20;
export const ROW = 24;
export const MARGIN = 8;
export const MEDIA = 180;
const TEXT = 84;

/** A node of which nothing is known yet. */
const NEW = Object.freeze({ values: {}, inputs: [] });

/**
 * Whether a node shows pictures of its own below its widgets.
 * @param {Definition | undefined} definition
 * @returns {boolean}
 */
export function showsPictures(definition) {
  if (!definition) return false;
  if (definition.inputs.some((input) => input.widget?.upload)) return true;
  return definition.isOutput && definition.inputs.some((input) => input.type === "IMAGE");
}

/**
 * Whether a node shows the text that it was given.
 * @param {Definition | undefined} definition
 * @returns {boolean}
 */
export function showsText(definition) {
  return Boolean(definition?.isOutput && !showsPictures(definition));
}

/**
 * The height that one widget takes at least.
 * @param {Widget} widget
 * @returns {number}
 */
export function widgetHeight(widget) {
  if (widget.height !== undefined) return widget.height;
  if (widget.kind === "text") return TEXT;
  return widget.seeded ? 2 * ROW : ROW;
}

/**
 * Start values of all widgets.
 * @param {Definition} definition
 * @returns {Record<string, any>}
 */
export function defaultValues(definition) {
  /** @type {Record<string, any>} */
  const values = {};
  for (const input of liveInputs(definition, NEW)) if (input.widget) values[input.name] = input.widget.fallback;
  return values;
}

/**
 * A comfortable size for a new node, title not counted.
 * @param {Definition} definition
 * @returns {Point}
 */
export function comfortableSize(definition) {
  const inputs = liveInputs(definition, NEW);
  const sockets = inputs.filter((input) => !input.widget);
  const widgets = inputs.filter((input) => input.widget && !input.widget.hidden);
  const rows = Math.max(sockets.length, definition.outputs.length);
  let height = rows * SLOT + MARGIN + (rows > 0 ? 4 : 0);
  for (const input of widgets) height += widgetHeight(/** @type {Widget} */ (input.widget));
  if (widgets.length > 0) height += MARGIN - 2;
  const texts = widgets.filter((input) => input.widget?.kind === "text").length;
  const pictures = showsPictures(definition);
  height += texts * 40 + (pictures ? MEDIA + 40 : 0) + (showsText(definition) ? 100 : 0);
  return [comfortableWidth(definition, widgets, texts > 0), height];
}

/** @param {Definition} definition @param {InputDefinition[]} widgets @param {boolean} hasText @returns {number} */
function comfortableWidth(definition, widgets, hasText) {
  const longest = (/** @type {string[]} */ names) => Math.max(0, ...names.map((name) => name.length));
  const across = longest(liveInputs(definition, NEW).filter((input) => !input.widget).map((input) => input.label ?? input.name)) +
    longest(definition.outputs.map((output) => output.label ?? output.name));
  const rows = widgets.map(({ name, label, widget }) =>
    (label ?? name).length + Math.min(28, widget?.kind === "combo" ? longest(widget.options.map(String)) : 10));
  const width = Math.max(definition.name.length * 7.8 + 84, across * 7 + 64, Math.max(0, ...rows) * 7 + 56);
  const least = hasText ? 340 : showsPictures(definition) ? 260 : 210;
  return Math.round(Math.min(420, Math.max(least, width)) / 10) * 10;
}

/**
 * A new node of a type.
 * @param {Definition} definition @param {string} key @param {Point} position @param {number} z
 * @returns {Node}
 */
export function makeNode(definition, key, position, z) {
  /** @type {Record<string, any>} */
  const controls = {};
  for (const input of liveInputs(definition, NEW)) if (input.widget?.seeded) controls[input.name] = "randomize";
  return Object.freeze({
    id: newId(), key, type: definition.type, title: null, position, size: comfortableSize(definition), z,
    mode: "normal", collapsed: false, color: null, values: Object.freeze(defaultValues(definition)),
    controls: Object.freeze(controls), inputs: [], outputs: [], kept: {},
  });
}
