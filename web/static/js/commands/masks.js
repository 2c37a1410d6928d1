/** Painting the mask of a picture that a node loads. */

/** @import { App } from "../app.js" */
/** @import { Node } from "../model/types.js" */

import { hooks } from "../canvas/hooks.js";
import { t } from "../words.js";

/** @param {App} app @param {Node | undefined} node @returns {string | null} the input that holds a picture with a mask */
function maskInput({ store }, node) {
  const definition = node && store.definitions.get(node.type);
  if (!node || !definition?.outputs.some(({ type }) => type === "MASK")) return null;
  const input = definition.inputs.find(({ widget }) => widget?.upload);
  return input && node.values[input.name] && !store.graph.linkInto(node.id, input.name) ? input.name : null;
}

/** Adds the command and the menu entry. @param {App} app */
export function tendMasks(app) {
  const chosen = () => (app.view.selection.size === 1 ? app.store.graph.nodes.get([...app.view.selection][0]) : undefined);
  const open = async () => {
    const node = chosen();
    const name = maskInput(app, node);
    if (!node || name === null) return;
    const { openMaskEditor } = await import("../ui/mask/editor.js");
    openMaskEditor(app, node.id, name);
  };
  app.commands.add([{ id: "edit-mask", label: t("Paint a mask…"), isEnabled: () => maskInput(app, chosen()) !== null, run: () => void open() }]);
  hooks.nodeMenu.add((node) => (maskInput(app, node) === null ? [] : app.commands.items(["edit-mask"])));
}
