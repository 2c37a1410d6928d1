/** Reads one node of a file. */

/** @import { Numbers } from "./raw.js" */
/** @import { Doubt } from "./read.js" */
/** @import { Definition, Definitions, Node, NodeMode, StoredSlot } from "../types.js" */

import { ENTRY, EXIT, isGrown } from "../definitions.js";
import { newId } from "../ids.js";
import { listOf, readBox, readTitle, recordOf, typeName, without, wordOf } from "./raw.js";
import { readValues, unknownValues } from "./values.js";

/** @type {ReadonlyMap<any, NodeMode>} */
const MODES = new Map([[2, "mute"], [4, "bypass"]]);
const OWN_NODE = new Set([
  "id", "type", "pos", "size", "mode", "title", "color", "inputs", "outputs", "order", "widgets_values", "widgets_values_named",
]);
const OWN_SLOT = new Set(["name", "type", "link", "links"]);

/** @typedef {{definitions: Definitions, doubts: Doubt[], keys: Numbers}} Context */

/**
 * A node, and its inputs in the order in which links of the file count them; null where it cannot be one.
 * @param {any} raw @param {number} z @param {Context} context
 * @returns {{node: Node, slots: readonly StoredSlot[]} | null}
 */
export function readNode(raw, z, { definitions, doubts, keys }) {
  const type = wordOf(raw.type);
  if (type === ENTRY || type === EXIT) return null;
  const definition = definitions.get(type);
  const key = readKey(raw.id, keys, doubts);
  const doubt = (/** @type {string} */ text) => void doubts.push({ key, text });
  const slots = readSlots(raw.inputs);
  const reading = definition
    ? readValues(definition, raw.widgets_values, raw.widgets_values_named)
    : { values: unknownValues(raw.widgets_values, raw.widgets_values_named, slots), controls: {}, doubts: [] };
  reading.doubts.forEach(doubt);
  const [x, y, width, height] = readBox(raw.pos, raw.size, [210, 80]) ??
    (doubt("The place or size of this node could not be read."), [0, 0, 210, 80]);
  const title = readTitle(raw.title);
  if (title !== null && title !== raw.title) doubt("The title was too long and was cut.");
  const node = Object.freeze({
    id: newId(), key, type, title, position: /** @type {const} */ ([x, y]), size: /** @type {const} */ ([width, height]), z,
    mode: MODES.get(raw.mode) ?? "normal", collapsed: Boolean(recordOf(raw.flags).collapsed),
    color: typeof raw.color === "string" ? raw.color : null,
    values: Object.freeze(reading.values), controls: Object.freeze(reading.controls),
    inputs: slots.filter((slot, index) => raw.inputs[index]?.link != null || !isGrown(definition, slot.name)),
    outputs: readSlots(raw.outputs), kept: readKept(raw, definition, reading.isLeft ?? false),
  });
  return { node, slots };
}

/**
 * The key of a node: its number, unless another node has it or it is none.
 * @param {any} id @param {Numbers} keys @param {Doubt[]} doubts
 * @returns {string}
 */
function readKey(id, keys, doubts) {
  const key = keys.key(id);
  if (key !== wordOf(id)) doubts.push({ key, text: `A node was numbered ${wordOf(id).slice(0, 40)}, as another is or as none can be; it is ${key} now.` });
  return key;
}

/**
 * What is written back as it was; a list of values in which some are left over is kept whole.
 * @param {any} raw @param {Definition | undefined} definition @param {boolean} isLeft
 * @returns {Record<string, any>}
 */
function readKept(raw, definition, isLeft) {
  const { collapsed: _collapsed, ...flags } = recordOf(raw.flags);
  /** @type {Record<string, any>} */
  const kept = { ...without(raw, OWN_NODE), flags };
  if (raw.properties !== undefined) kept.properties = recordOf(raw.properties);
  if (!definition) for (const name of ["widgets_values", "widgets_values_named"]) if (name in raw) kept[name] = raw[name];
  if (isLeft) kept.widgets_values = raw.widgets_values;
  if (typeof raw.mode === "number" && raw.mode !== 0 && !MODES.has(raw.mode)) kept.mode = raw.mode;
  return Object.freeze(kept);
}

/** @param {any} list @returns {StoredSlot[]} */
function readSlots(list) {
  return listOf(list).map((raw, index) => {
    const name = wordOf(raw?.name);
    return Object.freeze({ name: name === "__proto__" ? `${name}${index}` : name, type: typeName(raw?.type), kept: without(raw, OWN_SLOT) });
  });
}
