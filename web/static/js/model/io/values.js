/** Between the ecosystem's positional `widgets_values` and values by name. */

/** @import { ControlMode, Definition, InputDefinition, Node } from "../types.js" */

import { liveInputs } from "../definitions.js";
import { writeJson } from "./json.js";

const CONTROL = "control_after_generate";
const MODES = new Set(["fixed", "increment", "decrement", "randomize"]);

/**
 * @typedef {{values: Record<string, any>, controls: Record<string, ControlMode>, doubts: string[]}} Reading
 */

/**
 * @typedef {{name: string, role: "value" | "control" | "upload"}} Listed
 */

/**
 * The names of the entries of a node's `widgets_values` list, as this definition writes it. What a word brings follows
 * the word, so each value must be there before the next name is asked for.
 * @param {Definition} definition @param {Readonly<Record<string, any>>} values
 * @returns {Generator<Listed, void>}
 */
export function* listedNames(definition, values) {
  yield* listedWidgets(definition.inputs, values, !definition.isSubgraph);
  const upload = !definition.isSubgraph && definition.inputs.find((input) => input.widget?.upload);
  if (upload) yield { name: upload.name, role: "upload" };
}

/**
 * @param {readonly InputDefinition[]} inputs @param {Readonly<Record<string, any>>} values @param {boolean} controlled
 * @returns {Generator<Listed, void>}
 */
function* listedWidgets(inputs, values, controlled) {
  for (const { name, widget, brings } of inputs) {
    if (!widget) continue;
    yield { name, role: "value" };
    if (widget.seeded && controlled) yield { name, role: "control" };
    if (brings) yield* listedWidgets(brings.get(values[name] ?? widget.fallback) ?? [], values, controlled);
  }
}

/**
 * Values by name from what a file stored.
 * @param {Definition} definition @param {any} stored `widgets_values` @param {any} named `widgets_values_named`
 * @returns {Reading}
 */
export function readValues(definition, stored, named) {
  if (definition.type === "PrimitiveNode") return readPrimitive(stored);
  /** @type {Reading} */
  const reading = { values: {}, controls: {}, doubts: [] };
  if (Array.isArray(stored)) readList(reading, definition, stored, named);
  else if (stored && typeof stored === "object") readNamed(reading, definition, Object.entries(stored));
  else if (named && typeof named === "object") readNamed(reading, definition, Object.entries(named));
  for (const { name, widget } of liveInputs(definition, reading)) {
    if (!widget) continue;
    if (reading.values[name] === undefined || reading.values[name] === null) reading.values[name] = widget.fallback;
    if (widget.seeded) reading.controls[name] ??= "fixed";
  }
  return reading;
}

/** @param {Reading} reading @param {Definition} definition @param {any[]} list @param {any} named */
function readList(reading, definition, list, named) {
  const keys = named && typeof named === "object" ? Object.keys(named) : [];
  if (keys.length === list.length && keys.length > 0) {
    readNamed(reading, definition, keys.map((key, index) => [key, list[index]]));
    return;
  }
  let index = 0;
  for (const { name, role } of listedNames(definition, reading.values)) {
    if (index >= list.length) break;
    const value = list[index];
    if (role === "value") {
      reading.values[name] = value;
      index += 1;
    } else if (role === "control" && isControl(value)) {
      reading.controls[name] = controlOf(value);
      index += 1;
    } else if (role === "upload") index += 1;
  }
  const known = new Set(liveInputs(definition, reading).map((input) => input.name));
  for (const key of keys) {
    if (!known.has(key) && key !== CONTROL && key !== "fixed" && key !== "upload") reading.values[key] = named[key];
  }
  checkFit(reading, definition);
}

/** @param {Reading} reading @param {Definition} definition @param {[string, any][]} entries */
function readNamed(reading, definition, entries) {
  const live = liveInputs(definition, { values: Object.fromEntries(entries) });
  const inputs = new Map(live.map((input) => [input.name, input]));
  const seeds = live.filter((input) => input.widget?.seeded).map((input) => input.name);
  let previous = "";
  for (const [name, value] of entries) {
    const isPair = name === CONTROL || (!inputs.has(name) && name === "fixed");
    if (isPair && isControl(value)) {
      const seed = seeds.includes(previous) ? previous : seeds[0];
      if (seed) reading.controls[seed] = controlOf(value);
    } else if (inputs.get(name)?.widget) reading.values[name] = value;
    else if (name !== "upload" && !name.startsWith("$$") && value !== null && value !== "") {
      reading.doubts.push(`The value of "${name}" was kept but belongs to no input.`);
      reading.values[name] = value;
    }
    previous = name;
  }
  checkFit(reading, definition);
}

/** @param {Reading} reading @param {Definition} definition */
function checkFit(reading, definition) {
  for (const input of liveInputs(definition, reading)) {
    const value = reading.values[input.name];
    if (!input.widget || value === undefined || value === null || fits(input, value)) continue;
    reading.doubts.push(`"${input.name}" holds ${writeJson(value)}, which does not fit it.`);
  }
}

/** @param {InputDefinition} input @param {any} value @returns {boolean} */
function fits(input, value) {
  const kind = input.widget?.kind;
  if (kind === "int") return typeof value === "number" || typeof value === "bigint";
  if (kind === "float") return typeof value === "number";
  if (kind === "custom") return true;
  if (kind === "toggle") return typeof value === "boolean";
  if (kind === "text" || kind === "string") return typeof value === "string";
  return typeof value !== "object";
}

/** @param {any} value @returns {boolean} */
function isControl(value) {
  return MODES.has(value) || typeof value === "boolean" || value === "increment-wrap";
}

/** @param {any} value @returns {ControlMode} */
function controlOf(value) {
  if (value === true) return "randomize";
  if (value === "increment-wrap") return "increment";
  return MODES.has(value) ? value : "fixed";
}

/**
 * The two forms in which a file keeps the values of a node: by position, and by name.
 * @param {Definition} definition @param {Node} node
 * @returns {{list: any[], named: Record<string, any>}}
 */
export function writeValues(definition, node) {
  if (definition.type === "PrimitiveNode") return writePrimitive(node);
  /** @type {any[]} */
  const list = [];
  /** @type {Record<string, any>} */
  const named = {};
  for (const { name, role } of listedNames(definition, node.values)) {
    if (role === "value") {
      list.push(node.values[name]);
      named[name] = node.values[name];
    } else if (role === "control") {
      list.push(node.controls[name] ?? "fixed");
      named[CONTROL] = node.controls[name] ?? "fixed";
    } else {
      list.push("image");
      named.upload = "image";
    }
  }
  const known = new Set(liveInputs(definition, node).map((input) => input.name));
  const words = definition.inputs.filter((input) => input.brings).map((input) => `${input.name}.`);
  for (const [name, value] of Object.entries(node.values)) {
    if (known.has(name) || words.some((stem) => name.startsWith(stem))) continue;
    list.push(value);
    named[name] = value;
  }
  return { list, named };
}

/**
 * A PrimitiveNode has one widget, which takes after whatever it feeds, and perhaps a control.
 * @param {any} stored
 * @returns {Reading}
 */
function readPrimitive(stored) {
  const list = Array.isArray(stored) ? stored : [];
  /** @type {Reading} */
  const reading = { values: { value: list[0] ?? null }, controls: {}, doubts: [] };
  if (MODES.has(list[1])) reading.controls.value = list[1];
  if (list.length > 2) reading.values.more = list.slice(2);
  return reading;
}

/** @param {Node} node @returns {{list: any[], named: Record<string, any>}} */
function writePrimitive(node) {
  const list = [node.values.value];
  if (node.controls.value) list.push(node.controls.value);
  return { list: [...list, ...(node.values.more ?? [])], named: {} };
}
