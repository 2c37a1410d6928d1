/** Seeds: how they change before a run, so that the value on the node is the one that made the picture. */

/** @import { Transaction } from "./document.js" */
/** @import { ControlMode, Definitions, Widget } from "./types.js" */

import { setValue } from "./commands.js";
import { slotsOf } from "./slots.js";

/** Beyond this a number in JSON is no longer exact everywhere. */
const LARGEST = 2 ** 50;

/** @type {readonly ControlMode[]} */
export const CONTROL_MODES = ["fixed", "increment", "decrement", "randomize"];

/**
 * The value that a seed takes for the next run.
 * @param {number} value @param {ControlMode} mode @param {Widget} widget @param {() => number} random in [0, 1)
 * @returns {number}
 */
export function nextSeed(value, mode, widget, random) {
  const low = Math.max(widget.min, -LARGEST);
  const high = Math.min(widget.max, LARGEST);
  const step = widget.step || 1;
  if (mode === "increment") return value + step > high ? low : value + step;
  if (mode === "decrement") return value - step < low ? high : value - step;
  if (mode === "randomize") return Math.floor(low + random() * (high - low + 1));
  return value;
}

/**
 * Rolls every seed that is not fixed and not linked.
 * @param {Transaction} change @param {Definitions} definitions @param {() => number} random
 */
export function rollSeeds(change, definitions, random) {
  for (const node of [...change.graph.nodes.values()]) {
    if (node.mode !== "normal") continue;
    for (const { name, widget } of slotsOf(definitions, node).inputs) {
      if (!widget?.seeded || change.graph.linkInto(node.id, name)) continue;
      const mode = node.controls[name] ?? "fixed";
      setValue(change, node.id, name, nextSeed(Number(node.values[name]) || 0, mode, widget, random));
    }
  }
}

/**
 * The seeds that a run would use as they stand.
 * @param {import("./document.js").Graph} graph @param {Definitions} definitions
 * @returns {{id: string, name: string}[]}
 */
export function findSeeds(graph, definitions) {
  const found = [];
  for (const node of graph.nodes.values()) {
    if (node.mode !== "normal") continue;
    for (const { name, widget } of slotsOf(definitions, node).inputs) {
      if (widget?.seeded && !graph.linkInto(node.id, name)) found.push({ id: node.id, name });
    }
  }
  return found;
}
