/** Reads the server's catalogue (`/object_info`) into node definitions. */

/** @import { Definition, Definitions, InputDefinition, OutputDefinition, Widget, WidgetKind } from "./types.js" */

const SEED_NAMES = new Set(["seed", "noise_seed"]);

/** @type {Record<string, WidgetKind>} */
const KINDS = { INT: "int", FLOAT: "float", STRING: "string", BOOLEAN: "toggle", COMBO: "combo" };

/**
 * A widget with every field filled.
 * @param {Partial<Widget> & {kind: WidgetKind}} fields
 * @returns {Widget}
 */
export function widget(fields) {
  const base = {
    fallback: null, min: -Infinity, max: Infinity, step: 1, round: 0, options: [], seeded: false, upload: false,
    dynamic: false, placeholder: "", labelOn: "on", labelOff: "off",
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
  const kind = Array.isArray(type) ? "combo" : KINDS[type];
  if (!kind) return null;
  if (kind === "combo") return comboOf(Array.isArray(type) ? type : options.options ?? [], options);
  if (kind === "string") return textOf(options);
  if (kind === "toggle") {
    return widget({
      kind, fallback: options.default ?? false, labelOn: options.label_on ?? "on", labelOff: options.label_off ?? "off",
    });
  }
  const min = options.min ?? -Infinity;
  const seeded = kind === "int" && (Boolean(options.control_after_generate) || SEED_NAMES.has(name));
  return widget({
    kind, fallback: options.default ?? (Number.isFinite(min) ? Math.max(0, min) : 0), min, max: options.max ?? Infinity,
    step: options.step ?? (kind === "int" ? 1 : 0.05), round: Number(options.round) || 0, seeded,
  });
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
 * @param {string} name @param {any} spec `[type, options]` as the catalogue has it
 * @param {boolean} optional
 * @returns {InputDefinition}
 */
function inputOf(name, spec, optional) {
  const [type, options = {}] = Array.isArray(spec) ? spec : [spec];
  const typeName = Array.isArray(type) ? "COMBO" : String(type);
  return Object.freeze({
    name, type: typeName, optional, tooltip: options.tooltip ?? "", widget: widgetOf(name, type, options),
  });
}

/** @param {any} info @returns {InputDefinition[]} */
function inputsOf(info) {
  const inputs = [];
  for (const section of ["required", "optional"]) {
    const entries = info.input?.[section] ?? {};
    const names = info.input_order?.[section] ?? Object.keys(entries);
    for (const name of names) if (name in entries) inputs.push(inputOf(name, entries[name], section === "optional"));
  }
  return inputs;
}

/** @param {any} info @returns {OutputDefinition[]} */
function outputsOf(info) {
  return (info.output ?? []).map((/** @type {any} */ type, /** @type {number} */ index) => {
    const typeName = Array.isArray(type) ? "COMBO" : String(type);
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
    module: info.python_module ?? "", inputs: inputsOf(info), outputs: outputsOf(info),
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

/**
 * The definitions of a whole catalogue, with the page's own virtual types. An entry that cannot be read is left out, so
 * that one broken pack does not cost the page.
 * @param {Record<string, any>} catalogue
 * @returns {Definitions}
 */
export function readCatalogue(catalogue) {
  const definitions = new Map(VIRTUAL);
  for (const [type, info] of Object.entries(catalogue)) {
    if (info && typeof info === "object") definitions.set(type, definitionOf(type, info));
  }
  return definitions;
}
