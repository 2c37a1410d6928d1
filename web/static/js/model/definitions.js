/** Reads the server's catalogue (`/object_info`) into node definitions. */

/** @import { Definition, Definitions, InputDefinition, Node, OutputDefinition, StoredSlot, Widget, WidgetKind } from "./types.js" */

import { t } from "../words.js";
import { guestWidgets } from "./faces.js";
import { OWN_WORDS, ownInputs } from "./ownwords.js";

/** Types that stand for more than one input, and the one that takes after what is linked to it. */
const GROWING = "COMFY_AUTOGROW_V3";
const CHOOSING = "COMFY_DYNAMICCOMBO_V3";
const REPEATING = "COMFY_DYNAMICGROUP_V3";
const MOST_ROWS = 50;
const MATCHING = "COMFY_MATCHTYPE_V3";

const SEED_NAMES = new Set(["seed", "noise_seed"]);

/** @type {Record<string, WidgetKind>} */
const KINDS = { INT: "int", FLOAT: "float", STRING: "string", BOOLEAN: "toggle", COMBO: "combo", COLOR: "string" };

/**
 * A widget with every field filled.
 * @param {Partial<Widget> & {kind: WidgetKind}} fields
 * @returns {Widget}
 */
export function widget(fields) {
  const base = {
    fallback: null, min: -Infinity, max: Infinity, step: 1, round: 0, options: [], seeded: false, upload: false,
    dynamic: false, placeholder: "", labelOn: t("on"), labelOff: t("off"),
  };
  return Object.freeze({ ...base, ...fields });
}

/**
 * The widget of an input, or null where only a link can give its value.
 * @param {string} name @param {any} type a type name, or the list of options of a combo
 * @param {Record<string, any>} options
 * @returns {Widget | null}
 */
function widgetOf(name, type, options) {
  if (options.forceInput || options.rawLink) return null;
  const kind = Array.isArray(type) ? "combo" : Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (!kind) return guestOf(name, type, options);
  if (kind === "combo") return comboOf(Array.isArray(type) ? type : options.options ?? [], options);
  if (kind === "string") return textOf(options);
  if (kind === "toggle") {
    return widget({
      kind, fallback: options.default ?? false, labelOn: options.label_on ?? t("on"), labelOff: options.label_off ?? t("off"),
    });
  }
  const min = options.min ?? -Infinity;
  const seeded = kind === "int" && (Boolean(options.control_after_generate) || SEED_NAMES.has(name));
  return widget({
    kind, fallback: options.default ?? (Number.isFinite(min) ? Math.max(0, min) : 0), min, max: options.max ?? Infinity,
    step: options.step ?? (kind === "int" ? 1 : 0.05), round: Number(options.round) || 0, seeded,
  });
}

/**
 * @param {string} name @param {string} type @param {Record<string, any>} options
 * @returns {Widget | null} the widget that an extension brings for a type
 */
function guestOf(name, type, options) {
  const guest = guestWidgets.get(type);
  // What is said of boxes that came in earlier is kept, not shown.
  if (!guest) return null;
  const { height, fallback, hidden = type === "BOUNDING_BOXES" && name === "last_incoming" } = guest;
  return widget({ kind: "custom", guest: type, fallback: options.default ?? fallback, height, hidden, grows: !hidden });
}

/** @param {any[]} choices @param {Record<string, any>} options @returns {Widget} */
function comboOf(choices, options) {
  const upload = Boolean(options.image_upload || options.video_upload || options.audio_upload);
  return widget({ kind: "combo", options: choices, fallback: options.default ?? choices[0] ?? "", upload });
}

/** @param {Record<string, any>} options @returns {Widget} */
function textOf(options) {
  return widget({
    kind: options.multiline ? "text" : "string", fallback: options.default ?? "",
    dynamic: Boolean(options.dynamicPrompts), placeholder: options.placeholder ?? "",
  });
}

/**
 * @param {string} name in full: what a word of a drop-down brings is called "drop-down.name"
 * @param {string} label its own name
 * @param {any} spec `[type, options]` as the catalogue has it @param {boolean} optional
 * @returns {InputDefinition}
 */
function inputOf(name, label, spec, optional) {
  const [type, options = {}] = Array.isArray(spec) ? spec : [spec];
  const rest = { name, label, optional, tooltip: options.tooltip ?? "" };
  if (type === CHOOSING) return Object.freeze({ ...rest, type: "COMBO", ...choiceOf(name, options.options ?? []) });
  if (type === REPEATING) return Object.freeze({ ...rest, type: "INT", ...rowsOf(name, options) });
  if (type === GROWING) return Object.freeze({ ...rest, type: "*", widget: null, grows: growthOf(name, options.template ?? {}) });
  const actual = type === MATCHING ? options.template?.allowed_types ?? "*" : type;
  const typeName = Array.isArray(actual) ? "COMBO" : String(actual);
  const isForced = (options.forceInput || options.rawLink) && (Array.isArray(actual) || Object.hasOwn(KINDS, actual));
  return Object.freeze({ ...rest, type: typeName, widget: widgetOf(name, actual, options), ...(isForced ? { isForced } : {}),
    ...(options.advanced ? { advanced: true } : {}) });
}

/**
 * A drop-down each word of which brings inputs.
 * @param {string} name @param {any[]} words
 */
function choiceOf(name, words) {
  const brings = new Map(words.map((word) => [word.key, inputsOf({ input: word.inputs }, `${name}.`)]));
  return { widget: comboOf(words.map((word) => word.key), {}), brings };
}

/**
 * Rows of the same inputs; how many there are is a number that files keep and prompts do not.
 * @param {string} name @param {any} options
 */
function rowsOf(name, options) {
  const [least, most] = [options.min ?? 0, options.max ?? MOST_ROWS];
  const rows = Array.from({ length: most }, (_none, index) => inputsOf({ input: options.template }, `${name}.${index}.`)
    .map((input) => Object.freeze({ ...input, label: `${input.label} ${index + 1}` })));
  const brings = new Map(Array.from({ length: most + 1 }, (_none, count) => [count, rows.slice(0, count).flat()]));
  return { widget: widget({ kind: "int", fallback: least, min: least, max: most, inPrompt: false, loose: true }), brings };
}

/**
 * How many rows of a node have values.
 * @param {InputDefinition} input @param {Readonly<Record<string, any>>} inputs by their full names
 * @returns {number}
 */
function rowCount({ name, widget: count }, inputs) {
  const numbers = Object.keys(inputs).filter((key) => key.startsWith(`${name}.`)).map((key) => Number.parseInt(key.slice(name.length + 1), 10));
  return Math.min(count?.max ?? 0, Math.max(count?.min ?? 0, ...numbers.filter(Number.isInteger).map((number) => number + 1)));
}

/**
 * The numbers of rows that a prompt does not tell, by the names of the inputs that are repeated.
 * @param {Definition} definition @param {Readonly<Record<string, any>>} inputs by their full names
 * @returns {Record<string, number>}
 */
export function rowCounts(definition, inputs) {
  const repeated = definition.inputs.filter((input) => input.brings && input.widget?.kind === "int");
  return Object.fromEntries(repeated.map((input) => [input.name, rowCount(input, inputs)]));
}

/**
 * A row of sockets that grows with what is linked.
 * @param {string} name @param {any} template
 */
function growthOf(name, template) {
  const [input] = inputsOf({ input: template.input }, `${name}.`);
  const count = template.max ?? 10;
  const names = template.names ?? Array.from({ length: count }, (_none, index) => `${template.prefix ?? ""}${index}`);
  const socket = Object.freeze({ ...(input ?? { type: "*", optional: true, tooltip: "" }), name, widget: null });
  return Object.freeze({ names: names.map((/** @type {string} */ own) => `${name}.${own}`), least: template.min ?? 1, socket });
}

/** @param {any} info @param {string} [prefix] @returns {InputDefinition[]} */
function inputsOf(info, prefix = "") {
  const inputs = [];
  for (const section of ["required", "optional"]) {
    const entries = info.input?.[section] ?? {};
    const names = info.input_order?.[section] ?? Object.keys(entries);
    for (const name of names) if (name in entries) inputs.push(inputOf(prefix + name, name, entries[name], section === "optional"));
  }
  return inputs;
}

/** A row in which a word is written. */
const TEXT = textOf({});

/**
 * The inputs that a node has now: those of its definition, with those that its words bring and its links grow.
 * @param {Definition} definition @param {Readonly<{values: Node["values"], inputs?: readonly StoredSlot[]}>} node
 * @returns {readonly InputDefinition[]}
 */
export function liveInputs(definition, node) {
  if (definition.type === OWN_WORDS) return ownInputs(definition.inputs[0], node.values, TEXT);
  if (!definition.inputs.some((input) => input.brings || input.grows)) return definition.inputs;
  /** @type {InputDefinition[]} */
  const live = [];
  const add = (/** @type {readonly InputDefinition[]} */ inputs) => {
    for (const input of inputs) {
      if (input.grows) live.push(...grown(input.grows, node.inputs ?? []));
      else live.push(input);
      if (input.brings) add(input.brings.get(node.values[input.name] ?? input.widget?.fallback) ?? []);
    }
  };
  add(definition.inputs);
  return live;
}

/**
 * The sockets of a growing row: those that are stored, and one to spare.
 * @param {NonNullable<InputDefinition["grows"]>} grows @param {readonly StoredSlot[]} stored
 * @returns {InputDefinition[]}
 */
function grown({ names, labels, least, socket }, stored) {
  const last = Math.max(-1, ...stored.map((slot) => names.indexOf(slot.name)));
  return names.slice(0, Math.max(least, last + 2)).map((name, index) => Object.freeze({
    ...socket, name, label: labels?.[index] ?? name.slice(name.lastIndexOf(".") + 1), optional: index >= least,
  }));
}

/**
 * Whether an input is one of a row that grows.
 * @param {Definition | undefined} definition @param {string} name
 * @returns {boolean}
 */
export function isGrown(definition, name) {
  return Boolean(definition?.inputs.some((input) => input.grows?.names.includes(name)));
}

/** @param {any} info @returns {OutputDefinition[]} */
function outputsOf(info) {
  return (info.output ?? []).map((/** @type {any} */ type, /** @type {number} */ index) => {
    const typeName = Array.isArray(type) ? "COMBO" : type === MATCHING ? "*" : String(type);
    return Object.freeze({
      name: String(info.output_name?.[index] ?? typeName), type: typeName,
      tooltip: info.output_tooltips?.[index] ?? "", isList: Boolean(info.output_is_list?.[index]),
    });
  });
}

/**
 * The definition of one node type.
 * @param {string} type @param {any} info one entry of `/object_info`
 * @returns {Definition}
 */
export function definitionOf(type, info) {
  return Object.freeze({
    type, name: info.display_name || type, category: info.category ?? "", description: info.description ?? "",
    module: info.python_module ?? "", inputs: [...inputsOf(info), ...inputsOf(info.more ?? {})],
    outputs: [...outputsOf(info), ...outputsOf(info.more ?? {})],
    isOutput: Boolean(info.output_node), isVirtual: false,
    deprecated: Boolean(info.deprecated), experimental: Boolean(info.experimental),
  });
}

/**
 * A node type that lives on the page only and never reaches the server.
 * @param {string} type @param {string} name @param {Partial<Definition>} fields
 * @returns {[string, Definition]}
 */
function virtual(type, name, fields) {
  const base = {
    category: "page", description: "", module: "", inputs: [], outputs: [], isOutput: false, isVirtual: true,
    deprecated: false, experimental: false,
  };
  return [type, Object.freeze({ ...base, type, name, ...fields })];
}

/** The two nodes of every subgraph that stand for its sockets; they are never added by hand. */
export const ENTRY = "sfumato/entry";
export const EXIT = "sfumato/exit";

const NOTE = Object.freeze({
  name: "text", type: "STRING", optional: true, tooltip: "", widget: widget({ kind: "text", fallback: "" }),
});

export const VIRTUAL = new Map([
  virtual("Note", "Note", { inputs: [NOTE], description: "Text on the canvas." }),
  virtual("MarkdownNote", "Markdown note", { inputs: [NOTE], description: "Text on the canvas." }),
  virtual(ENTRY, "Inputs", { category: "", description: "What comes in from outside." }),
  virtual(EXIT, "Outputs", { category: "", description: "What goes out." }),
  virtual("PrimitiveNode", "Primitive", { description: "One value for every input that it is linked to." }),
  virtual("Reroute", "Reroute", {
    description: "Leads a link round a corner.",
    inputs: [Object.freeze({ name: "", type: "*", optional: true, tooltip: "", widget: null })],
    outputs: [Object.freeze({ name: "", type: "*", tooltip: "", isList: false })],
  }),
]);

/** What gives definitions the words of another language. @type {(definition: Definition) => Definition} */
let say = (definition) => definition;

/** Gives all catalogues that are read from now on the words of a language. @param {(definition: Definition) => Definition} wording */
export function setWording(wording) {
  say = wording;
}

/**
 * The definitions of a whole catalogue, with the page's own virtual types. An entry that cannot be read is left out, so
 * that one broken pack does not cost the page.
 * @param {Record<string, any>} catalogue
 * @returns {Definitions}
 */
export function readCatalogue(catalogue) {
  const definitions = new Map([...VIRTUAL].map(([type, definition]) => [type, say(definition)]));
  for (const [type, info] of Object.entries(catalogue)) {
    if (info && typeof info === "object") definitions.set(type, say(definitionOf(type, info)));
  }
  return definitions;
}
