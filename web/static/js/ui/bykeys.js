/** For hands without a mouse: the values of a node as a dialog, and its links by name. */

/** @import { App } from "../app.js" */
/** @import { Node } from "../model/types.js" */

import { connect } from "../model/commands.js";
import { folded } from "../model/search.js";
import { slotsOf, titleOf } from "../model/slots.js";
import { checkLink } from "../model/validate.js";
import { t } from "../words.js";
import { openDialog } from "./dialogs.js";
import { make } from "./dom.js";
import { Binding } from "./form/binding.js";
import { makeField } from "./form/fields.js";
import { openPalette } from "./palette.js";
import { loadStyle } from "./styles.js";
import { toast } from "./toasts.js";

/** Opens a dialog with all values of a node. @param {App} app @param {Node} node */
export async function editValues(app, node) {
  const { store } = app;
  const names = slotsOf(store.definitions, node).inputs.filter(({ widget }) => widget).map(({ name }) => name);
  if (names.length === 0) return toast(t("This node holds no values."), { name: "values" });
  await loadStyle("form.css");
  const fields = names.map((name) => makeField(new Binding(app, node.id, name)));
  const body = make("div", { className: "form-inputs" }, ...fields.map(({ element }) => element));
  const done = make("button", { type: "button", className: "primary", onclick: () => dialog.close() }, t("Done"));
  const dialog = openDialog(titleOf(store.definitions, node), make("div", { className: "form-view form-values" }, body, make("div", { className: "actions" }, done)));
  const stop = store.listen(() => {
    if (store.graph.nodes.has(node.id)) for (const field of fields) field.update();
    else dialog.close();
  });
  dialog.addEventListener("close", stop);
}

/** Offers every link that can be made from and to a node. @param {App} app @param {Node} node */
export function connectByName(app, node) {
  const { store: { graph, definitions }, store } = app;
  const { inputs, outputs } = slotsOf(definitions, node);
  const ends = [...graph.nodes.values()].filter(({ id }) => id !== node.id);
  const fits = (/** @type {Node} */ from, /** @type {number} */ slot, /** @type {Node} */ to, /** @type {string} */ input) =>
    checkLink(graph, definitions, from.id, slot, to.id, input).ok;
  const choice = (/** @type {Node} */ from, /** @type {any} */ output, /** @type {Node} */ to, /** @type {any} */ input) => {
    const label = t("{from} to {to}", { from: `${titleOf(definitions, from)} ${output.label}`, to: `${titleOf(definitions, to)} ${input.label}` });
    return { item: { from: from.id, slot: output.index, to: to.id, input: input.name }, label, note: output.type, fields: [folded(label)] };
  };
  const choices = ends.flatMap((other) => {
    const around = slotsOf(definitions, other);
    return [
      ...outputs.flatMap((output) => around.inputs.filter(({ name }) => fits(node, output.index, other, name))
        .map((input) => choice(node, output, other, input))),
      ...around.outputs.flatMap((output) => inputs.filter(({ name }) => fits(other, output.index, node, name))
        .map((input) => choice(other, output, node, input))),
    ];
  });
  openPalette({ x: innerWidth / 2 - 200, y: 90, placeholder: t("Link {name}", { name: titleOf(definitions, node) }), hint: t("Enter makes the link"), choices },
    ({ from, slot, to, input }) => void store.run(t("Connect"), (change) => connect(change, definitions, from, slot, to, input)));
}
