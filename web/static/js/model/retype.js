/** Puts another type in the place of a node's, keeping what fits: values by name, links by name and then by type. */

/** @import { Transaction } from "./document.js" */
/** @import { Definition, Definitions, Link, Node } from "./types.js" */

import { readValues } from "./io/values.js";
import { makeNode } from "./nodes.js";
import { slotsOf } from "./slots.js";
import { typesMatch } from "./validate.js";

/**
 * Gives a node another type.
 * @param {Transaction} change @param {Definitions} definitions @param {string} id @param {Definition} definition the new type
 * @returns {number} how many links did not fit and were taken away
 */
export function retype(change, definitions, id, definition) {
  const before = change.node(id);
  const fresh = makeNode(definition, before.key, before.position, before.z);
  const named = { ...before.kept.widgets_values_named, ...before.values };
  const stored = Object.keys(named).length > 0 ? named : before.kept.widgets_values;
  const { values, controls } = readValues(definition, stored, undefined);
  const { widgets_values: _list, widgets_values_named: _named, properties, ...kept } = before.kept;
  const known = Object.fromEntries(Object.entries(values).filter(([name]) => name in fresh.values));
  const links = { into: change.graph.linksInto(id), from: change.graph.linksFrom(id) };
  for (const link of [...links.into, ...links.from]) change.remove("link", link.id);
  /** @type {Node} */
  const node = {
    ...fresh, id, title: before.title, size: [before.size[0], Math.max(fresh.size[1], before.size[1])], mode: before.mode,
    collapsed: before.collapsed, color: before.color, values: Object.freeze({ ...fresh.values, ...known }),
    controls: Object.freeze({ ...fresh.controls, ...controls }),
    kept: Object.freeze({ ...kept, properties: { ...properties, "Node name for S&R": definition.type } }),
  };
  change.put("node", node);
  return relinkInputs(change, definitions, node, links.into) + relinkOutputs(change, definitions, before, definition, links.from);
}

/** @param {Transaction} change @param {Definitions} definitions @param {Node} node @param {readonly Link[]} links */
function relinkInputs(change, definitions, node, links) {
  const slots = slotsOf(definitions, node).inputs;
  const free = new Set(slots.map(({ name }) => name));
  let lost = 0;
  const place = (/** @type {Link} */ link, /** @type {string | undefined} */ input) => {
    if (input === undefined) return void (lost += 1);
    free.delete(input);
    change.put("link", { ...link, input });
  };
  const fits = (/** @type {Link} */ link) => slots.filter(({ name, type }) => free.has(name) && typesMatch(link.type, type));
  const [same, others] = [links.filter(({ input }) => free.has(input)), links.filter(({ input }) => !free.has(input))];
  for (const link of same) place(link, fits(link).find(({ name }) => name === link.input)?.name);
  for (const link of others) place(link, (fits(link).find(({ widget }) => !widget) ?? fits(link)[0])?.name);
  return lost;
}

/** @param {Transaction} change @param {Definitions} definitions @param {Node} before @param {Definition} definition @param {readonly Link[]} links */
function relinkOutputs(change, definitions, before, { outputs }, links) {
  let lost = 0;
  for (const link of links) {
    const { name } = before.outputs[link.slot] ?? {};
    const type = outputs[link.slot]?.type;
    const to = change.graph.nodes.get(link.to);
    const wanted = to ? slotsOf(definitions, to).inputs.find((slot) => slot.name === link.input)?.type ?? link.type : link.type;
    const fits = (/** @type {string | undefined} */ given) => given !== undefined && typesMatch(given, wanted);
    const byName = outputs.findIndex((output) => output.name === name && fits(output.type));
    const slot = byName >= 0 ? byName : fits(type) ? link.slot : outputs.findIndex((output) => fits(output.type));
    if (slot < 0) lost += 1;
    else change.put("link", { ...link, slot, type: outputs[slot].type });
  }
  return lost;
}
