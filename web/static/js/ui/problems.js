/** The list of what is wrong, each entry with the way to its node. */

/** @import { Board } from "../engine/board.js" */
/** @import { View } from "../canvas/view.js" */

import { titleOf } from "../model/slots.js";
import { byId, make } from "./dom.js";

/**
 * Keeps the list in step with the board.
 * @param {Board} board @param {View} view @param {(key: string) => void} showNode
 */
export function listProblems(board, view, showNode) {
  const panel = byId("problems");
  /** @type {readonly unknown[]} */
  let shown = [];
  const fill = () => {
    const { problems } = board;
    if (problems === shown) return;
    shown = problems;
    panel.hidden = problems.length === 0;
    const heading = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    panel.replaceChildren(
      make("header", {}, make("h2", {}, heading), make("button", {
        type: "button", className: "close", "aria-label": "Dismiss the problems", onclick: () => board.setProblems([]),
      }, "×")),
      make("ul", {}, ...problems.map((problem) => entry(problem, view, showNode))),
    );
  };
  board.listen(fill);
  fill();
}

/**
 * @param {import("../model/types.js").Problem} problem @param {View} view @param {(key: string) => void} showNode
 * @returns {HTMLElement}
 */
function entry(problem, view, showNode) {
  const { key } = problem;
  const node = key === null ? undefined : view.store.find(key)?.node;
  const title = node ? `${titleOf(view.store.definitions, node)}  #${key}` : problem.title;
  const row = make("li", {}, make("h3", {}, title), make("p", {}, problem.text));
  if (problem.details) {
    row.append(make("details", {}, make("summary", {}, "Details"), make("pre", {}, problem.details)));
  }
  if (node && key !== null) row.append(make("button", { type: "button", className: "link", onclick: () => showNode(key) }, "Show me"));
  return row;
}
