/** What changed between two workflows, in words. */

/** @import { Document } from "../model/document.js" */
/** @import { Definitions, Node } from "../model/types.js" */

import { difference } from "../model/diff.js";
import { titleOf } from "../model/slots.js";
import { withSubgraphs } from "../model/subgraphs.js";
import { shown } from "../model/text.js";
import { t } from "../words.js";
import { make } from "./dom.js";

const MOST = 200;

/**
 * A list of differences, or one sentence that there are none.
 * @param {Document} before @param {Document} after @param {Definitions} catalogue
 * @returns {HTMLElement}
 */
export function differenceList(before, after, catalogue) {
  const definitions = withSubgraphs(after, withSubgraphs(before, catalogue));
  const found = difference(before, after);
  const rows = found.graphs.flatMap(({ nodes, links, groups, routes }) => [
    ...nodes.added.map((node) => row("added", nameOf(definitions, node), t("added"))),
    ...nodes.removed.map((node) => row("removed", nameOf(definitions, node), t("removed"))),
    ...nodes.changed.map(({ after: node, fields, values }) => row("changed", nameOf(definitions, node),
      [...fields.map(fieldWord), ...values.map(({ name, before: was, after: is }) => `${name}: ${shown(was)} → ${shown(is)}`)].join("\n"))),
    ...counted("added", t("Links"), links.added.length, t("added")), ...counted("removed", t("Links"), links.removed.length, t("removed")),
    ...counted("changed", t("Groups"), groups.added.length + groups.removed.length + groups.changed.length, t("changed")),
    ...(routes ? [row("changed", t("Ways of links"), t("changed"))] : []),
  ]);
  if (rows.length === 0) return make("p", { className: "differences" }, t("Nothing that counts differs."));
  const more = rows.length - MOST;
  return make("ul", { className: "differences" }, ...rows.slice(0, MOST), more > 0 ? make("li", {}, t("and {count} more", { count: more })) : null);
}

/** @param {string} kind @param {string} name @param {string} text @returns {HTMLElement} */
function row(kind, name, text) {
  return make("li", { className: `is-${kind}` }, make("strong", {}, name), make("span", {}, text));
}

/** @param {string} kind @param {string} name @param {number} count @param {string} word @returns {HTMLElement[]} */
function counted(kind, name, count, word) {
  return count === 0 ? [] : [row(kind, `${name}: ${count}`, word)];
}

/** @param {Definitions} definitions @param {Node} node @returns {string} */
function nameOf(definitions, node) {
  return `${titleOf(definitions, node)} #${node.key}`;
}

/** @param {string} field @returns {string} */
function fieldWord(field) {
  const words = /** @type {Record<string, string>} */ ({
    type: t("another type"), title: t("renamed"), position: t("moved"), size: t("resized"), mode: t("muted or bypassed, or no more"),
    collapsed: t("collapsed or expanded"), color: t("another colour"), controls: t("seed control"),
  });
  return words[field] ?? field;
}
