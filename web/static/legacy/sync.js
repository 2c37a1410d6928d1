/** Compares a legacy node with its record: what a pack changed in its plain fields becomes patches, and the other way round. */

import { widget as declared } from "../js/model/definitions.js";
import { faceOf, setFace } from "../js/model/faces.js";
import { titleOf } from "../js/model/slots.js";
import { invoke, page } from "./page.js";
import { declare, elementOf, isHidden, wordsOf } from "./widgets.js";

export const MODES = { normal: 0, mute: 2, bypass: 4 };
const BACK = { 2: "mute", 4: "bypass" };
const KEPT = ["bgcolor", "boxcolor", "shape"];

/** Who paints pictures that a pack gave a node. */
export const PICTURES = "legacy-pictures";
const PICTURE_SLOT = Object.freeze({
  name: "$$pictures", label: "", type: "*", optional: true, tooltip: "",
  widget: declared({ kind: "custom", guest: PICTURES, height: 160, grows: true, inPrompt: false, inFile: false, loose: true }),
});

/**
 * What is known of each node's slots: as the class made them, as they were last seen, the names of widgets and of inputs.
 * @type {WeakMap<object, {base: any[] | null, flat: any[], names: Map<any, string>, inputs: Map<any, string>}>}
 */
const states = new WeakMap();

function stateOf(node) {
  let state = states.get(node);
  if (!state) states.set(node, (state = { base: null, flat: [], names: new Map(), inputs: new Map() }));
  return state;
}

/** The slots and widgets of a node as a flat list, to see whether any changed. */
function flatten(node) {
  const flat = [];
  for (const input of node.inputs ?? []) flat.push(input.name, input.label, input.type, input.shape, input.widget?.name);
  flat.push("|", picturesOf(node)?.[0]);
  for (const output of node.outputs ?? []) flat.push(output.name, output.label, output.type);
  for (const widget of node.widgets ?? []) {
    const words = widget.type === "combo" ? widget.options?.values : null;
    const list = typeof words === "function" ? wordsOf(widget) : words;
    const { name, label, type, options = {} } = widget;
    flat.push(widget, name, label, type, isHidden(widget), options.serialize, elementOf(widget), widget.draw, widget.computeSize);
    flat.push(widget.serialize, options.min, options.max);
    flat.push(Array.isArray(list) ? list.length : list, Array.isArray(list) ? list[0] : null, heightNow(widget, node));
  }
  return flat;
}

/** Pictures that a pack gave a node, which the page does not show of itself. */
function picturesOf(node) {
  return Array.isArray(node.imgs) && node.imgs.length > 0 && node.imgs !== node._ownPictures ? node.imgs : null;
}

/** The height of a widget that may change by itself. */
function heightNow(widget, node) {
  return typeof widget.draw === "function" || elementOf(widget) ? declare(widget, node, false).height : 0;
}

/** Remembers the slots as the class made them, before any pack saw the node. */
export function rememberBase(node) {
  const state = stateOf(node);
  state.base = flatten(node);
  state.flat = state.base;
  nameWidgets(node, state);
}

function same(one, other) {
  return one.length === other.length && one.every((value, index) => Object.is(value, other[index]));
}

/** Every widget gets a name of its own: two may have the same for packs. */
function nameWidgets(node, state) {
  const taken = new Set((node.inputs ?? []).filter((input) => !input.widget).map((input) => input.name));
  state.names = new Map();
  for (const widget of node.widgets ?? []) {
    if (widget.isBuiltIn) continue;
    let name = String(widget.name);
    for (let number = 2; taken.has(name); number += 1) name = `${widget.name}#${number}`;
    taken.add(name);
    state.names.set(widget, name);
  }
}

/** The name under which the document knows an input: the one that it had when it was last seen. */
export function inputName(node, input) {
  return stateOf(node).inputs.get(input) ?? input.name;
}

/**
 * What became of inputs since they were last seen: new names by old ones, null for those that are gone.
 * @returns {Map<string, string | null>}
 */
export function takeInputs(node) {
  const state = stateOf(node);
  const present = new Map((node.inputs ?? []).map((input) => [input, input.name]));
  const moved = new Map();
  for (const [input, name] of state.inputs) {
    const now = present.get(input) ?? null;
    if (now !== name && !(now === null && [...present.values()].includes(name))) moved.set(name, now);
  }
  state.inputs = present;
  return moved;
}

/** The widgets that are there now, each with a name of its own. @returns {Map<any, string>} */
export function namedWidgets(node) {
  const state = stateOf(node);
  nameWidgets(node, state);
  return state.names;
}

/** The name under which the document keeps a widget's value. */
export function nameOf(node, widget) {
  return stateOf(node).names.get(widget);
}

/** @param {any} node @param {string} name */
export function widgetAt(node, name) {
  for (const [widget, own] of stateOf(node).names) if (own === name) return widget;
  return null;
}

/** The slots of a node as the canvas and the prompt need them. */
function faceFrom(node, state) {
  const sockets = (node.inputs ?? []).filter((input) => !input.widget).map((input) => ({
    name: String(input.name), label: String(input.label ?? input.localized_name ?? input.name), type: typeOf(input.type),
    optional: input.shape === 7 || !input.isDefined, tooltip: input.tooltip ?? "", widget: null,
  }));
  const widgets = [...state.names].map(([widget, name]) => {
    const input = (node.inputs ?? []).find((one) => one.widget?.name === widget.name);
    return {
      name, label: String(widget.label ?? widget.name ?? ""), type: typeOf(input?.type ?? "*"), optional: true, tooltip: widget.tooltip ?? "",
      widget: declare(widget, node, Boolean(input)),
    };
  });
  const outputs = (node.outputs ?? []).map((output, index) => ({
    index, name: String(output.name), label: String(output.label ?? output.localized_name ?? output.name), type: typeOf(output.type), tooltip: output.tooltip ?? "",
  }));
  const shown = picturesOf(node) ? [PICTURE_SLOT] : [];
  return Object.freeze({ inputs: [...sockets, ...widgets, ...shown], outputs, isKnown: true });
}

function typeOf(type) {
  return Array.isArray(type) ? "COMBO" : type === 0 || type === "" || type == null ? "*" : String(type);
}

/**
 * Gives the canvas the slots of a node if they changed.
 * @returns {boolean} whether they did
 */
export function syncFace(node, record) {
  const state = stateOf(node);
  const flat = flatten(node);
  const isPlain = state.base !== null && same(flat, state.base);
  if (same(flat, state.flat) && isPlain === (faceOf(record.id) === undefined)) return false;
  const before = (state.flat = flat);
  nameWidgets(node, state);
  setFace(record.id, isPlain ? null : faceFrom(node, state));
  return before !== null;
}

/** A value as the document keeps it; values that are objects are copied, so that a pack may go on changing its own. */
function plainValue(value) {
  if (value === null || typeof value !== "object") return value;
  return JSON.parse(JSON.stringify(value));
}

function differ(one, other) {
  if (Object.is(one, other)) return false;
  if (one === null || other === null || typeof one !== "object" || typeof other !== "object") return true;
  return JSON.stringify(one) !== JSON.stringify(other);
}

/**
 * The record as the fields of the node have it now, or the same record where nothing differs.
 * @param {any} node @param {any} record @param {any} definitions
 */
export function recordFrom(node, record, definitions) {
  const changes = {};
  const values = valuesFrom(node, record);
  if (values) changes.values = Object.freeze(values);
  const controls = controlsFrom(node, record);
  if (controls) changes.controls = Object.freeze(controls);
  const shown = titleOf(definitions, record);
  if (typeof node.title === "string" && node.title !== shown) changes.title = node.title === definitions.get(record.type)?.name ? null : node.title;
  if (node.pos[0] !== record.position[0] || node.pos[1] !== record.position[1]) changes.position = [Number(node.pos[0]), Number(node.pos[1])];
  if (node.size[0] !== record.size[0] || node.size[1] !== record.size[1]) changes.size = [Number(node.size[0]), Number(node.size[1])];
  const mode = BACK[node.mode] ?? "normal";
  if (mode !== record.mode) changes.mode = mode;
  if (Boolean(node.flags?.collapsed) !== record.collapsed) changes.collapsed = Boolean(node.flags?.collapsed);
  if ((node.color ?? null) !== record.color) changes.color = node.color ?? null;
  const kept = keptFrom(node, record);
  if (kept) changes.kept = Object.freeze(kept);
  return Object.keys(changes).length === 0 ? record : Object.freeze({ ...record, ...changes });
}

function valuesFrom(node, record) {
  let values = null;
  for (const [widget, name] of stateOf(node).names) {
    if (widget.type === "button") continue;
    const { value } = widget;
    if (value === undefined || typeof value === "function" || value instanceof Node || !differ(value, record.values[name])) continue;
    values ??= { ...record.values };
    values[name] = plainValue(value);
  }
  return values;
}

function controlsFrom(node, record) {
  let controls = null;
  for (const widget of node.widgets ?? []) {
    const name = widget.controls && nameOf(node, widget.controls);
    if (!name || record.controls[name] === widget.value) continue;
    controls ??= { ...record.controls };
    controls[name] = widget.value;
  }
  return controls;
}

function keptFrom(node, record) {
  const { kept } = record;
  const { collapsed: _collapsed, ...flags } = node.flags ?? {};
  const hasProperties = Object.keys(node.properties ?? {}).length > 0 || kept.properties !== undefined;
  const next = {};
  const listed = (node.widgets ?? []).filter((widget) => widget.serialize !== false);
  if (Array.isArray(kept.widgets_values) && listed.length >= kept.widgets_values.length) next.widgets_values = undefined;
  if (hasProperties && differ(node.properties, kept.properties ?? {})) next.properties = { "Node name for S&R": record.type, ...plainValue(node.properties) };
  if (differ(flags, kept.flags ?? {})) next.flags = plainValue(flags);
  for (const name of KEPT) if (node[name] !== undefined && differ(node[name], kept[name])) next[name] = node[name];
  if (Object.keys(next).length === 0) return null;
  const merged = { ...kept, ...next };
  if (merged.widgets_values === undefined) delete merged.widgets_values;
  return merged;
}

/** Fields of a node from its record, without telling the pack. */
export function takeFields(node, record, definitions) {
  const { kept } = record;
  node.pos = [...record.position];
  node.size = [...record.size];
  node.title = titleOf(definitions, record);
  node.mode = record.mode === "normal" ? kept.mode ?? 0 : MODES[record.mode];
  node.flags = { ...kept.flags, ...(record.collapsed ? { collapsed: true } : {}) };
  if (record.color !== null) node.color = record.color;
  for (const name of KEPT) if (kept[name] !== undefined) node[name] = kept[name];
  Object.assign((node.properties ??= {}), kept.properties);
}

/** Values of widgets from a record, without telling the pack. */
export function takeValues(node, record) {
  for (const [widget, name] of stateOf(node).names) {
    if (name in record.values && differ(widget.value, record.values[name])) widget.value = record.values[name];
  }
  for (const widget of node.widgets ?? []) {
    const name = widget.controls && nameOf(node, widget.controls);
    if (name && record.controls[name]) widget.value = record.controls[name];
  }
}

/**
 * Lets a node follow its record, and tells the pack what changed.
 * @param {any} node @param {any} before the record as the node knew it @param {any} record
 */
export function follow(node, before, record) {
  const { definitions } = page.app.store;
  const wasSize = node.size;
  if (before.position !== record.position) node.pos = [...record.position];
  if (before.size !== record.size) node.size = [...record.size];
  if (before.title !== record.title) node.title = titleOf(definitions, record);
  if (before.mode !== record.mode) node.mode = MODES[record.mode];
  if (before.collapsed !== record.collapsed) node.flags = { ...node.flags, collapsed: record.collapsed };
  if (before.color !== record.color) node.color = record.color ?? undefined;
  if (before.kept !== record.kept) {
    if (differ(before.kept.properties, record.kept.properties)) node.properties = { ...record.kept.properties };
    for (const name of KEPT) if (before.kept[name] !== record.kept[name]) node[name] = record.kept[name];
  }
  if (before.values !== record.values) followValues(node, before, record);
  if (before.controls !== record.controls) takeValues(node, record);
  if (differ(wasSize, node.size)) invoke(node, "onResize", node.size);
  if (before.mode !== record.mode) invoke(node, "onModeChange", MODES[record.mode], MODES[before.mode]);
}

function followValues(node, before, record) {
  for (const [widget, name] of [...stateOf(node).names]) {
    const value = record.values[name];
    if (!differ(before.values[name], value) || !differ(widget.value, value)) continue;
    const old = widget.value;
    widget.value = value;
    if (widget.options?.property && node.properties && widget.options.property in node.properties) node.setProperty(widget.options.property, value);
    if (!elementOf(widget)) invoke(widget, "callback", value, page.canvas, node, node.pos, {});
    invoke(node, "onWidgetChanged", widget.name, value, old, widget);
  }
}

