/** Which sockets and widgets a node has: its definition joined with what its file stored. */

/** @import { Definition, InputSlot, Node, OutputSlot, Slots, StoredSlot, Widget } from "./types.js" */

import { ENTRY, EXIT, liveInputs, widget } from "./definitions.js";
import { faceOf } from "./faces.js";

/** @type {WeakMap<ReadonlyMap<string, Definition>, WeakMap<Node, Slots>>} */
const cache = new WeakMap();

/**
 * The slots of a node.
 * @param {ReadonlyMap<string, Definition>} definitions @param {Node} node
 * @returns {Slots}
 */
export function slotsOf(definitions, node) {
  const face = faceOf(node.id);
  if (face) return face;
  let known = cache.get(definitions);
  if (!known) cache.set(definitions, (known = new WeakMap()));
  let slots = known.get(node);
  if (!slots) known.set(node, (slots = findSlots(definitions.get(node.type), node)));
  return slots;
}

/** Whether every node shows its advanced inputs. */
let showsAdvanced = false;
/** @type {WeakMap<Widget, Widget>} */
const hidden = new WeakMap();

/** Shows the advanced inputs of all nodes, or only where a node is asked; the store must be told. @param {boolean} shows */
export function showAdvanced(shows) {
  showsAdvanced = shows;
}

/** @param {Node} node @param {Widget | null} widget of an advanced input @returns {Widget | null} */
function folded(node, widget) {
  if (!widget || showsAdvanced || node.kept.showAdvanced === true) return widget;
  const known = hidden.get(widget) ?? Object.freeze({ ...widget, hidden: true });
  hidden.set(widget, known);
  return known;
}

/** @param {Definition | undefined} definition @param {Node} node @returns {Slots} */
function findSlots(definition, node) {
  if (!definition) return storedSlots(node);
  if (definition.type === "PrimitiveNode") return primitiveSlots(node);
  if (definition.type === ENTRY || definition.type === EXIT) return boundarySlots(node);
  const stored = new Map(node.inputs.map((slot) => [slot.name, slot]));
  /** @type {InputSlot[]} */
  const inputs = liveInputs(definition, node).map(({ name, label, type, optional, tooltip, widget, advanced }) =>
    ({ name, type, optional, tooltip, widget: advanced ? folded(node, widget) : widget, label: labelOf(stored.get(name), label ?? name) }));
  const names = new Set(inputs.map((input) => input.name));
  for (const slot of node.inputs) if (!names.has(slot.name)) inputs.push(storedInput(node, slot));
  const outputs = definition.outputs.map((output, index) => ({
    index, name: output.name, label: labelOf(node.outputs[index], output.label ?? output.name), type: output.type, tooltip: output.tooltip,
  }));
  // What a file links and this version does not offer stays linked; the server has the last word.
  const more = definition.isSubgraph ? [] : node.outputs.slice(outputs.length);
  for (const slot of more) outputs.push(storedOutput(slot, outputs.length));
  return { inputs, outputs, isKnown: true };
}

/** @param {Node} node @returns {Slots} */
function storedSlots(node) {
  /** @type {InputSlot[]} */
  const inputs = node.inputs.map((slot) => storedInput(node, slot));
  const names = new Set(inputs.map((input) => input.name));
  for (const [name, value] of Object.entries(node.values)) {
    if (names.has(name) || name === "control_after_generate") continue;
    inputs.push({ name, label: name, type: "*", optional: true, tooltip: "", widget: guessWidget(value) });
  }
  return { inputs, outputs: node.outputs.map(storedOutput), isKnown: false };
}

/**
 * How many outputs are kept of a node: those of its type, and up to the last one that is linked.
 * @param {import("./document.js").Graph} graph @param {Definition} definition @param {string} id
 */
export function heldOutputs(graph, definition, id) {
  return Math.max(definition.outputs.length, ...graph.linksFrom(id).map((link) => link.slot + 1));
}

/** @param {Node} node @param {StoredSlot} slot @returns {InputSlot} what a file says of an input that no definition tells of */
function storedInput(node, slot) {
  const { name, type, kept } = slot;
  const widget = kept.widget ? guessWidget(Object.hasOwn(node.values, name) ? node.values[name] : "") : null;
  return { name, label: labelOf(slot, name), type, optional: true, tooltip: "", widget };
}

/** @param {StoredSlot} slot @param {number} index @returns {OutputSlot} */
function storedOutput(slot, index) {
  return { index, name: slot.name, label: labelOf(slot, slot.name), type: slot.type, tooltip: "" };
}

/** @param {Node} node @returns {Slots} */
function primitiveSlots(node) {
  const guess = guessWidget(node.values.value);
  const seeded = Boolean(node.controls.value) && ["int", "float"].includes(guess.kind);
  const input = { name: "value", label: "value", type: "*", optional: true, tooltip: "", widget: { ...guess, seeded } };
  const outputs = node.outputs.length > 0 ? node.outputs : [{ name: "value", type: "*", kept: {} }];
  return {
    inputs: [input], isKnown: true,
    outputs: outputs.map((slot, index) => ({ index, name: slot.name, label: slot.name, type: slot.type, tooltip: "" })),
  };
}

/** Name of the socket at the end of an entry or exit node that makes a new one. */
export const SPARE = "+";

/**
 * The sockets of a subgraph from inside, and one to spare. Inputs are named by their identity: names need not be unique.
 * @param {Node} node
 * @returns {Slots}
 */
function boundarySlots(node) {
  const rest = { optional: true, tooltip: "", widget: null };
  const spare = { name: SPARE, type: "*", kept: { id: SPARE, label: "new…" } };
  const inputs = node.type === ENTRY ? [] : [...node.inputs, spare].map((slot) =>
    ({ ...rest, name: String(slot.kept.id), label: labelOf(slot, slot.name), type: slot.type }));
  const outputs = node.type === EXIT ? [] : [...node.outputs, spare].map(storedOutput);
  return { inputs, outputs, isKnown: true };
}

/**
 * The widget that fits a value of which nothing else is known.
 * @param {any} value
 * @returns {Widget}
 */
export function guessWidget(value) {
  if (typeof value === "bigint") return widget({ kind: "int", fallback: 0 });
  if (typeof value === "number") return widget(Number.isInteger(value) ? { kind: "int", fallback: 0 } : { kind: "float", fallback: 0, step: 0.05 });
  if (typeof value === "boolean") return widget({ kind: "toggle", fallback: false });
  if (typeof value === "string" && value.includes("\n")) return widget({ kind: "text", fallback: "" });
  return widget({ kind: "string", fallback: "" });
}

/** @param {StoredSlot | undefined} slot @param {string} fallback @returns {string} */
function labelOf(slot, fallback) {
  const label = slot?.kept.label;
  return typeof label === "string" && label !== "" ? label : fallback;
}

/**
 * An input of a node by name.
 * @param {ReadonlyMap<string, Definition>} definitions @param {Node} node @param {string} name
 * @returns {InputSlot | undefined}
 */
export function inputSlot(definitions, node, name) {
  return slotsOf(definitions, node).inputs.find((slot) => slot.name === name);
}

/**
 * An output of a node by index.
 * @param {ReadonlyMap<string, Definition>} definitions @param {Node} node @param {number} index
 * @returns {OutputSlot | undefined}
 */
export function outputSlot(definitions, node, index) {
  return slotsOf(definitions, node).outputs[index];
}

/**
 * What a node is called on the canvas.
 * @param {ReadonlyMap<string, Definition>} definitions @param {Node} node
 * @returns {string}
 */
export function titleOf(definitions, node) {
  return node.title ?? definitions.get(node.type)?.name ?? node.type;
}
