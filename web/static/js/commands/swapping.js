/** Exchanges what two inputs get, what two nodes are linked to, or where two nodes stand. */

/** @import { App } from "../app.js" */
/** @import { Node } from "../model/types.js" */

import { hooks } from "../canvas/hooks.js";
import { moveNodes } from "../model/commands.js";
import { slotsOf } from "../model/slots.js";
import { swapInputs, swapNodes } from "../model/wiring.js";
import { t } from "../words.js";

/** @param {App} app */
export function tendSwaps({ commands, store, view, actions }) {
  const nodes = () => [...view.selection].flatMap((id) => store.graph.nodes.get(id) ?? []);
  const areTwo = () => view.selection.size === 2;
  /** @param {Node | undefined} node @returns {[string, string] | null} the only two of its inputs of one type that are linked */
  const pair = (node) => {
    const linked = node ? slotsOf(store.definitions, node).inputs.filter(({ name }) => store.graph.linkInto(node.id, name)) : [];
    const twins = linked.filter((one) => linked.some((other) => other !== one && other.type === one.type));
    return twins.length === 2 ? [twins[0].name, twins[1].name] : null;
  };
  commands.add([
    {
      id: "swap-links", label: t("Swap the two links of the node"), keys: ["alt+s"], isEnabled: () => view.selection.size === 1 && pair(nodes()[0]) !== null,
      run: () => {
        const [node] = nodes();
        const names = pair(node);
        if (names) actions.attempt("Swap links", (change) => swapInputs(change, store.definitions, [node.id, names[0]], [node.id, names[1]]));
      },
    },
    {
      id: "swap-nodes", label: t("Swap the two nodes with their links"), keys: ["alt+shift+s"], isEnabled: areTwo, run: () => {
        const [one, other] = nodes();
        actions.attempt("Swap nodes", (change) => swapNodes(change, store.definitions, one.id, other.id));
      },
    },
    {
      id: "swap-places", label: t("Swap the places of the two nodes"), isEnabled: areTwo, run: () => {
        const [one, other] = nodes();
        store.run("Swap places", (change) => moveNodes(change, new Map([[one.id, other.position], [other.id, one.position]])));
      },
    },
  ]);
  hooks.nodeMenu.add(() => [...(areTwo() ? [null, ...commands.items(["swap-nodes", "swap-places"])] : []),
    ...(pair(nodes()[0]) && view.selection.size === 1 ? [null, ...commands.items(["swap-links"])] : [])]);
}
