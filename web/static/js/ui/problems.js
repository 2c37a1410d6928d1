/** The list of what is wrong, each entry with the way to its node, and all of it as text to hand on. */

/** @import { Board } from "../engine/board.js" */
/** @import { View } from "../canvas/view.js" */
/** @import { Problem } from "../model/types.js" */

import { titleOf } from "../model/slots.js";
import { t } from "../words.js";
import { byId, make } from "./dom.js";
import { toast } from "./toasts.js";

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
    const heading = problems.length === 1 ? t("1 problem") : t("{count} problems", { count: problems.length });
    panel.replaceChildren(
      make("header", {}, make("h2", {}, heading),
        make("button", { type: "button", className: "quiet", onclick: () => void copyReport(problems, view) }, t("Copy the report")),
        make("button", {
          type: "button", className: "close", "aria-label": t("Dismiss the problems"), onclick: () => board.setProblems([]),
        }, "×")),
      make("ul", {}, ...problems.map((problem) => entry(problem, view, showNode))),
    );
  };
  board.listen(fill);
  fill();
}

/** @param {Problem} problem @param {View} view @returns {string} the node, as people know it, or what failed */
function headOf({ key, title }, view) {
  const node = key === null ? undefined : view.store.find(key)?.node;
  return node ? `${titleOf(view.store.definitions, node)}  #${key}` : title;
}

/** @param {readonly Problem[]} problems @param {View} view */
async function copyReport(problems, view) {
  const type = (/** @type {string | null} */ key) => (key === null ? "" : ` (${view.store.find(key)?.node.type ?? ""})`);
  const text = problems.map((problem) => [
    `${headOf(problem, view)}${type(problem.key)}${problem.input ? `, ${problem.input}` : ""}`, problem.text, problem.details,
  ].filter(Boolean).join("\n")).join("\n\n");
  try {
    await navigator.clipboard.writeText(text);
    toast(t("The report was copied."), { kind: "good", name: "report" });
  } catch {
    toast(t("The browser does not let this page copy."), { kind: "bad", name: "report" });
  }
}

/**
 * @param {Problem} problem @param {View} view @param {(key: string) => void} showNode
 * @returns {HTMLElement}
 */
function entry(problem, view, showNode) {
  const { key } = problem;
  const isHere = key !== null && view.store.find(key) !== null;
  const row = make("li", {}, make("h3", {}, headOf(problem, view)), make("p", {}, problem.text));
  if (problem.details) {
    row.append(make("details", {}, make("summary", {}, t("Details")), make("pre", {}, problem.details)));
  }
  if (isHere) row.append(make("button", { type: "button", className: "link", onclick: () => showNode(key) }, t("Show me")));
  return row;
}
