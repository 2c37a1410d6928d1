/** Puts values and results of nodes into the form, from the canvas. */

/** @import { App } from "../../app.js" */
/** @import { Node } from "../../model/types.js" */
/** @import { FormItem } from "../../model/form.js" */

import { addFormItem, nodeItems } from "../../model/form.js";
import { slotsOf } from "../../model/slots.js";
import { t } from "../../words.js";
import { kindsFor } from "../../widgets/kinds.js";
import { toast } from "../toasts.js";
import { changeForm } from "./editor.js";
import { shownForm } from "./view.js";

/**
 * Adds what a form can hold of some nodes and does not hold yet.
 * @param {App} app @param {readonly string[]} ids of nodes of the graph on screen @param {string | null} name of the only input that is wanted
 */
export function addToForm(app, ids, name) {
  const items = ids.flatMap((id) => itemsOf(app, app.store.graph.nodes.get(id))).filter((item) => name === null || item.name === name);
  const known = new Set(nodeItems(shownForm(app)).map(nameOf));
  const fresh = items.filter((item) => !known.has(nameOf(item)));
  if (fresh.length > 0) changeForm(app, t("Add to the form"), (change) => fresh.forEach((item) => addFormItem(change, /** @type {FormItem} */ (item))));
  const text = items.length === 0 ? t("There is nothing here that a form can hold.") : fresh.length === 0 ? t("It is in the form already.") : t("Added to the form.");
  toast(text, { name: "form", action: { label: t("Show the form"), run: () => app.commands.run("form-view") } });
}

/** @typedef {{kind: "input" | "output", node: string, name?: string}} Wanted */

/** @param {App} app @param {Node | undefined} node @returns {Wanted[]} what a form can hold of a node */
function itemsOf({ store }, node) {
  if (!node) return [];
  const inputs = slotsOf(store.definitions, node).inputs
    .filter(({ name, widget }) => widget && kindsFor(widget).length > 0 && !store.graph.linkInto(node.id, name));
  return [
    ...inputs.map(({ name }) => ({ kind: /** @type {const} */ ("input"), node: node.id, name })),
    ...(store.definitions.get(node.type)?.isOutput ? [{ kind: /** @type {const} */ ("output"), node: node.id }] : []),
  ];
}

/** @param {Wanted} item */
function nameOf({ kind, node, name }) {
  return `${kind} ${node} ${name ?? ""}`;
}
