/** How single nodes are kept and drawn: pinned in place, and with which corners. Files keep both beside what we use. */

/** @import { Transaction } from "./document.js" */
/** @import { Node } from "./types.js" */

/** @typedef {"usual" | "box" | "round" | "card"} NodeShape */

/** The numbers under which files keep shapes. @type {Readonly<Record<number, NodeShape>>} */
const SHAPES = Object.freeze({ 1: "box", 2: "round", 4: "card" });

/** @param {Node | undefined} node @returns {boolean} whether it stays where it is */
export function isPinned(node) {
  return node?.kept.flags?.pinned === true;
}

/** @param {Transaction} change @param {Iterable<string>} ids @param {boolean} pinned */
export function setPinned(change, ids, pinned) {
  for (const id of ids) {
    const node = change.node(id);
    if (isPinned(node) === pinned) continue;
    const { pinned: _before, ...flags } = node.kept.flags ?? {};
    change.put("node", { ...node, kept: Object.freeze({ ...node.kept, flags: pinned ? { ...flags, pinned } : flags }) });
  }
}

/** @param {Transaction} change @param {Iterable<string>} ids @param {boolean} shows whether advanced inputs are shown on them */
export function setShowsAdvanced(change, ids, shows) {
  for (const id of ids) {
    const { showAdvanced: _before, ...kept } = change.node(id).kept;
    change.put("node", { ...change.node(id), kept: Object.freeze(shows ? { ...kept, showAdvanced: true } : kept) });
  }
}

/** @param {Node} node @returns {NodeShape} */
export function shapeName(node) {
  return SHAPES[Number(node.kept.shape)] ?? "usual";
}

/** @param {Transaction} change @param {Iterable<string>} ids @param {NodeShape} shape */
export function setShape(change, ids, shape) {
  const number = Object.keys(SHAPES).find((key) => SHAPES[Number(key)] === shape);
  for (const id of ids) {
    const { shape: _before, ...kept } = change.node(id).kept;
    change.put("node", { ...change.node(id), kept: Object.freeze(number === undefined ? kept : { ...kept, shape: Number(number) }) });
  }
}
