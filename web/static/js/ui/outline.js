/** The graph in words: a list of nodes for the keyboard and screen readers. */

/** @import { App } from "../app.js" */
/** @import { Node } from "../model/types.js" */

import { slotsOf, titleOf } from "../model/slots.js";
import { shownValue } from "../widgets/values.js";
import { byId, make } from "./dom.js";
import { t } from "../words.js";

/** Keeps the outline true while it is open. @param {App} app @returns {() => void} shows it, or puts it away */
export function tendOutline(app) {
  const { store, view } = app;
  const panel = byId("outline");
  const fill = () => {
    if (panel.hidden) return;
    const nodes = [...store.graph.nodes.values()].sort((one, other) => one.position[0] - other.position[0] || one.position[1] - other.position[1]);
    const rows = nodes.map((node) => row(app, node));
    const focused = rows.find((one) => one.getAttribute("aria-selected") === "true") ?? rows[0];
    if (focused) focused.tabIndex = 0;
    const hadFocus = panel.contains(document.activeElement);
    panel.replaceChildren(make("h2", {}, t("{count} nodes", { count: nodes.length })), make("div", { role: "listbox", "aria-label": t("Nodes") }, ...rows));
    if (hadFocus) focused?.focus();
  };
  panel.addEventListener("keydown", (event) => {
    const rows = /** @type {HTMLElement[]} */ ([...panel.querySelectorAll("[role=option]")]);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const index = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (event.key === "Escape") app.commands.run("outline");
    else if (event.key === "Enter" || event.key === " ") rows[index]?.click();
    else if (step !== undefined) rows[Math.max(0, Math.min(rows.length - 1, index + step))]?.focus();
    else return;
    event.stopPropagation();
    event.preventDefault();
  });
  store.listen(fill);
  return () => {
    panel.hidden = !panel.hidden;
    fill();
    if (panel.hidden) view.stage.focus();
    else /** @type {HTMLElement | null} */ (panel.querySelector("[tabindex='0']"))?.focus();
  };
}

/** @param {App} app @param {Node} node @returns {HTMLElement} */
function row({ store, view, actions }, node) {
  const about = slotsOf(store.definitions, node).inputs.flatMap(({ name, label, widget }) => {
    const link = store.graph.linkInto(node.id, name);
    const from = link && store.graph.nodes.get(link.from);
    if (from) return [t("{label} from {name}", { label, name: titleOf(store.definitions, from) })];
    return widget ? [`${label} ${shownValue(widget, node.values[name]).slice(0, 60)}`] : [];
  }).join(", ");
  return make("div", {
    className: "row", role: "option", tabIndex: -1, "aria-selected": String(view.selection.has(node.id)),
    onclick: () => actions.showNode(view.keyOf(node)),
  }, make("span", { className: "label" }, titleOf(store.definitions, node)), make("span", { className: "note" }, about));
}
