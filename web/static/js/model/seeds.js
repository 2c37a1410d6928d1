/** Seeds: how they change before a run, so that the value on the node is the one that made the picture. */

/** @import { Transaction } from "./document.js" */
/** @import { ControlMode, Definitions, Widget } from "./types.js" */

import { t } from "../words.js";
import { setValue } from "./commands.js";
import { wholeNumber } from "./io/json.js";
import { slotsOf } from "./slots.js";
import { reachableSubgraphs } from "./subgraphs.js";

/** Beyond this a number in JSON is no longer exact everywhere. */
const LARGEST = 2 ** 50;

/** @type {readonly ControlMode[]} */
export const CONTROL_MODES = ["fixed", "increment", "decrement", "randomize"];

/** What the modes are called. @returns {Record<ControlMode, string>} */
export function controlWords() {
  return { fixed: t("fixed"), increment: t("increment"), decrement: t("decrement"), randomize: t("randomize") };
}

/**
 * The value that a seed takes for the next run.
 * @param {number | bigint} value @param {ControlMode} mode @param {Widget} widget @param {() => number} random in [0, 1)
 * @returns {number | bigint}
 */
export function nextSeed(value, mode, widget, random) {
  if (typeof value === "bigint" && mode !== "randomize") return nextLongSeed(value, mode, widget);
  if (typeof value === "bigint") value = 0;
  const low = Math.max(widget.min, -LARGEST);
  const high = Math.min(widget.max, LARGEST);
  const step = widget.step || 1;
  if (mode === "increment") return value + step > high ? low : value + step;
  if (mode === "decrement") return value - step < low ? high : value - step;
  if (mode === "randomize") return Math.floor(low + random() * (high - low + 1));
  return value;
}

/**
 * @param {bigint} value @param {ControlMode} mode @param {Widget} widget
 * @returns {number | bigint}
 */
function nextLongSeed(value, mode, widget) {
  const step = { increment: 1n, decrement: -1n, fixed: 0n, randomize: 0n }[mode] * BigInt(widget.step || 1);
  const next = value + step;
  return next > largest(widget) ? Math.max(0, widget.min) : wholeNumber(next);
}

/**
 * The largest value of a whole number. The catalogue's 2^64-1 arrives as 2^64, which a double can hold.
 * @param {Widget} widget
 * @returns {bigint}
 */
export function largest(widget) {
  return widget.max >= 2 ** 64 ? 2n ** 64n - 1n : BigInt(Math.floor(widget.max));
}

/**
 * Rolls every seed that is not fixed and not linked, in a graph and the subgraphs that it uses.
 * @param {Transaction} change @param {Definitions} definitions @param {() => number} random
 */
export function rollSeeds(change, definitions, random) {
  const { document, graphId } = change;
  for (const id of [graphId, ...reachableSubgraphs(document, graphId)]) rollGraph(change.at(id), definitions, random);
}

/** @param {Transaction} change @param {Definitions} definitions @param {() => number} random */
function rollGraph(change, definitions, random) {
  for (const node of [...change.graph.nodes.values()]) {
    if (node.mode !== "normal") continue;
    for (const { name, widget } of slotsOf(definitions, node).inputs) {
      if (!widget?.seeded || change.graph.linkInto(node.id, name)) continue;
      const mode = node.controls[name] ?? "fixed";
      setValue(change, node.id, name, nextSeed(wholeOf(node.values[name]), mode, widget, random));
    }
  }
}

/** @param {any} value @returns {number | bigint} */
function wholeOf(value) {
  return typeof value === "bigint" ? value : Number(value) || 0;
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
