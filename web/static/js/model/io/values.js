/** Between the ecosystem's positional `widgets_values` and values by name. */

/** @import { ControlMode, Definition, InputDefinition, Node, StoredSlot } from "../types.js" */

import { liveInputs } from "../definitions.js";
import { faceOf } from "../faces.js";
import { OWN_WORDS, namedOwn, readOwn, writeOwn } from "../ownwords.js";
import { writeJson } from "./json.js";
import { isRecord, listOf, recordOf } from "./raw.js";

const CONTROL = "control_after_generate";
const MODES = new Set(["fixed", "increment", "decrement", "randomize"]);

/**
 * What was read; `isLeft` says that the list holds more than the inputs take, as it does where scripts add widgets.
 * @typedef {{values: Record<string, any>, controls: Record<string, ControlMode>, doubts: string[], isLeft?: boolean}} Reading
 */

/**
 * @typedef {{name: string, role: "value" | "control" | "upload" | "forced", fallback?: any}} Listed
 */

/**
 * The names of the entries of a node's `widgets_values` list, as this definition writes it. What a word brings follows
 * the word, so each value must be there before the next name is asked for.
 * @param {Definition} definition @param {Readonly<Record<string, any>>} values
 * @param {boolean} hasForced whether inputs that only take links have an entry too
 * @returns {Generator<Listed, void>}
 */
export function* listedNames(definition, values, hasForced = false) {
  yield* listedWidgets(definition.inputs, values, !definition.isSubgraph, hasForced);
  const upload = !definition.isSubgraph && definition.inputs.find((input) => input.widget?.upload);
  if (upload) yield { name: upload.name, role: "upload" };
}

/**
 * @param {readonly InputDefinition[]} inputs @param {Readonly<Record<string, any>>} values @param {boolean} controlled
 * @param {boolean} hasForced
 * @returns {Generator<Listed, void>}
 */
function* listedWidgets(inputs, values, controlled, hasForced) {
  for (const { name, widget, brings, isForced } of inputs) {
    if (isForced && hasForced) yield { name, role: "forced" };
    if (!widget) continue;
    yield { name, role: "value", fallback: widget.fallback };
    if (widget.seeded && controlled) yield { name, role: "control" };
    if (brings) yield* listedWidgets(brings.get(values[name] ?? widget.fallback) ?? [], values, controlled, hasForced);
  }
}

/**
 * Values by name from what a file stored.
 * @param {Definition} definition @param {any} stored `widgets_values` @param {any} named `widgets_values_named`
 * @returns {Reading}
 */
export function readValues(definition, stored, named) {
  if (definition.type === "PrimitiveNode") return readPrimitive(stored);
  if (definition.type === OWN_WORDS) return readWords(stored, named);
  /** @type {Reading} */
  const reading = { values: {}, controls: {}, doubts: [] };
  if (Array.isArray(stored)) readList(reading, definition, stored, named);
  else if (isRecord(stored)) readNamed(reading, definition, Object.entries(stored));
  else if (isRecord(named)) readNamed(reading, definition, Object.entries(named));
  for (const { name, widget } of liveInputs(definition, reading)) {
    if (!widget) continue;
    if (reading.values[name] === undefined || reading.values[name] === null) reading.values[name] = widget.fallback;
    if (widget.seeded) reading.controls[name] ??= "fixed";
  }
  return reading;
}

/**
 * Whether a name can stand for a value: those that every object has cannot.
 * @param {string} name
 * @returns {boolean}
 */
function isPlain(name) {
  return !(name in {});
}

/** @param {string} name @returns {boolean} whether records put it before all other names, so that their order says nothing */
function isIndex(name) {
  return /^\d+$/.test(name);
}

/**
 * Values of a type that nobody here knows, by name where the file gives names.
 * @param {any} stored `widgets_values` @param {any} named `widgets_values_named` @param {readonly StoredSlot[]} slots its inputs
 * @returns {Record<string, any>}
 */
export function unknownValues(stored, named, slots) {
  return Object.fromEntries(unknownEntries(stored, named, slots).filter(([name]) => isPlain(name)));
}

/** @param {any} stored @param {any} named @param {readonly StoredSlot[]} slots @returns {[string, any][]} */
function unknownEntries(stored, named, slots) {
  if (isRecord(stored)) return Object.entries(stored);
  const list = listOf(stored);
  for (const names of [Object.keys(recordOf(named)), ...widgetNames(slots)]) {
    if (names.length === list.length) return names.map((name, index) => [name, list[index]]);
  }
  return Object.entries(recordOf(named));
}

/**
 * What the inputs with a widget are called, in their order, without and with what says how a seed changes.
 * @param {readonly StoredSlot[]} slots
 * @returns {string[][]}
 */
function widgetNames(slots) {
  const names = slots.filter(({ kept }) => kept.widget).map(({ name }) => name);
  return [names, names.flatMap((name) => /^(noise_)?seed$/.test(name) ? [name, CONTROL] : [name])];
}

/**
 * The values of such a node as its file had them, with those that were changed since.
 * @param {Node} node
 * @returns {Record<string, any>}
 */
export function writeUnknown({ values, inputs, kept: { widgets_values: stored, widgets_values_named: named } }) {
  if (stored === undefined && named === undefined) {
    return Object.keys(values).length > 0 ? { widgets_values: Object.values(values), widgets_values_named: { ...values } } : {};
  }
  const current = (/** @type {[string, any]} */ [name, value]) => [name, Object.hasOwn(values, name) ? values[name] : value];
  const entries = unknownEntries(stored, named, inputs).map(current);
  const isListed = Array.isArray(stored) && entries.length === stored.length;
  const written = isListed ? entries.map(([, value]) => value) : isRecord(stored) ? Object.fromEntries(entries) : stored;
  return {
    ...(stored === undefined ? {} : { widgets_values: written }),
    ...(named === undefined ? {} : { widgets_values_named: isRecord(named) ? Object.fromEntries(Object.entries(named).map(current)) : named }),
  };
}

/** @param {Reading} reading @param {Definition} definition @param {any[]} list @param {any} named */
function readList(reading, definition, list, named) {
  const keys = Object.keys(recordOf(named));
  if (keys.length === list.length && keys.length > 0 && !keys.some(isIndex)) {
    readNamed(reading, definition, keys.map((key, index) => [key, list[index]]));
    return;
  }
  const used = readPlaces(reading, definition, list);
  const takesNone = [...listedNames(definition, {})].length === 0;
  reading.isLeft = used < list.length || (takesNone && list.length > 0);
  const known = new Set(liveInputs(definition, reading).map((input) => input.name));
  for (const [key, value] of Object.entries(recordOf(named))) {
    const isFree = !known.has(key) && isPlain(key) && !isIndex(key) && key !== CONTROL && key !== "fixed" && key !== "upload";
    if (isFree && value !== null && value !== "") reading.values[key] = value;
  }
  const rest = list.slice(used).filter((value) => value !== null && value !== "" && value !== "image" && typeof value !== "object");
  if (rest.length > 0) reading.doubts.push(`No input is left for ${rest.slice(0, 5).map(shown).join(", ")}.`);
  checkFit(reading, definition);
}

/**
 * Values by the order of the inputs. Old files hold a value for inputs that take links only, and true for "randomize".
 * @param {Reading} reading @param {Definition} definition @param {readonly any[]} list
 * @returns {number} how many entries were used
 */
function readPlaces(reading, definition, list) {
  const all = [...listedNames(definition, {}, true)];
  const plain = all.filter((entry) => entry.role !== "forced");
  const hasForced = all.length > plain.length && list.length === all.length;
  let index = 0;
  for (const { name, role } of listedNames(definition, reading.values, hasForced)) {
    if (index >= list.length) break;
    const value = list[index];
    if (role === "value") reading.values[name] = value;
    else if (role === "control") {
      if (!isControl(value) || (typeof value === "boolean" && list.length < plain.length)) continue;
      reading.controls[name] = controlOf(value);
    }
    index += 1;
  }
  return index;
}

/** @param {any} value @returns {string} a value in a doubt */
function shown(value) {
  const text = writeJson(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/** @param {Reading} reading @param {Definition} definition @param {[string, any][]} entries */
function readNamed(reading, definition, entries) {
  const live = liveInputs(definition, { values: Object.fromEntries(entries) });
  const inputs = new Map(live.map((input) => [input.name, input]));
  const seeds = live.filter((input) => input.widget?.seeded).map((input) => input.name);
  let previous = "";
  for (const [name, value] of entries) {
    const isPair = name === CONTROL || (!inputs.has(name) && name === "fixed");
    if (isPair && (isControl(value) || name === CONTROL)) {
      const seed = seeds.includes(previous) ? previous : seeds[0];
      if (seed) reading.controls[seed] = controlOf(value);
      if (!isControl(value)) reading.doubts.push(`"${name}" holds ${shown(value)}, which is no way to change a seed.`);
    } else if (!isPlain(name) || (isIndex(name) && !inputs.has(name))) reading.doubts.push(`No value can be called "${name}"; it was left out.`);
    else if (inputs.get(name)?.widget) reading.values[name] = value;
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
    reading.doubts.push(`"${input.name}" holds ${shown(value)}, which does not fit it.`);
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

/**
 * How a seed changes, in the words of files old and new.
 * @param {any} value
 * @returns {ControlMode}
 */
export function controlOf(value) {
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
  if (definition.type === OWN_WORDS) return writeOwn(node);
  const face = faceOf(node.id);
  if (face) return writeFace(face, definition, node);
  /** @type {any[]} */
  const list = [];
  /** @type {Record<string, any>} */
  const named = {};
  for (const { name, role, fallback } of listedNames(definition, node.values)) {
    if (role === "value") {
      named[name] = node.values[name] ?? fallback;
      list.push(named[name]);
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
 * The values of a node to which an extension gave other widgets, in the order of these; buttons stand in the list, too.
 * @param {import("../types.js").Slots} face @param {Definition} definition @param {Node} node
 * @returns {{list: any[], named: Record<string, any>}}
 */
function writeFace(face, definition, node) {
  /** @type {[string, any][]} */
  const entries = [];
  const widgets = face.inputs.filter(({ widget }) => widget && widget.inFile !== false);
  for (const { name, widget } of widgets) {
    entries.push([name, node.values[name] ?? null]);
    if (widget?.seeded) entries.push([CONTROL, node.controls[name] ?? "fixed"]);
  }
  if (definition.inputs.some((input) => input.widget?.upload)) {
    const loose = widgets.findIndex(({ widget }) => widget?.loose);
    const own = loose < 0 ? entries.length : entries.findIndex(([name]) => name === widgets[loose].name);
    entries.splice(own, 0, ["upload", "image"]);
  }
  return { list: entries.map(([, value]) => value), named: Object.fromEntries(entries) };
}

/** @param {any} stored @param {any} named @returns {Reading} the values of a drop-down with words of its own */
function readWords(stored, named) {
  const byName = [stored, named].find(isRecord);
  return { values: byName ? namedOwn(byName) : readOwn(listOf(stored)), controls: {}, doubts: [] };
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
