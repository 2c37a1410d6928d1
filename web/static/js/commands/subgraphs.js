/** Commands for subgraphs: make, enter, leave, rename, take apart, and their sockets. */

/** @import { App } from "../app.js" */
/** @import { Command } from "./registry.js" */
/** @import { Hit } from "../canvas/hit.js" */
/** @import { Node } from "../model/types.js" */
/** @import { Item } from "../ui/menu.js" */

import { isBoundary, removeSocket, renameSocket } from "../model/commands.js";
import { swapSockets } from "../model/sockets.js";
import { SPARE } from "../model/slots.js";
import { askText } from "../ui/dialogs.js";
import { toast } from "../ui/toasts.js";
import { reasonOf, t } from "../words.js";

/** The only node that is selected, or null. @param {App} app @returns {Node | null} */
export function chosenNode({ store, view }) {
  const [id] = view.selection;
  return view.selection.size === 1 ? store.graph.nodes.get(id) ?? null : null;
}

/** The only node that is selected, if it is a subgraph. @param {App} app @returns {Node | null} */
export function chosenSubgraph(app) {
  const node = chosenNode(app);
  return node && app.view.isSubgraph(node.type) ? node : null;
}

/** @param {App} app @returns {Command[]} */
export function subgraphCommands(app) {
  const { store, view } = app;
  const chosen = () => chosenSubgraph(app);
  const isChosen = () => chosen() !== null;
  return [
    { id: "make-subgraph", label: t("Put into a subgraph"), keys: ["ctrl+shift+e"], isEnabled: () => view.selection.size > 0, run: () => void make(app) },
    { id: "unpack-subgraph", label: t("Take the subgraph apart"), isEnabled: isChosen, run: () => void unpack(app, chosen()) },
    {
      id: "enter-subgraph", label: t("Open the subgraph"), keys: ["enter"], isEnabled: isChosen, run: () => {
        const node = chosen();
        if (node) app.actions.enter(node);
      },
    },
    {
      id: "leave-subgraph", label: t("Leave the subgraph"), isEnabled: () => store.path.length > 0, run: () => {
        const id = store.path.at(-1);
        store.show(store.path.slice(0, -1));
        if (id) view.select([id]);
      },
    },
    { id: "rename-subgraph", label: t("Rename the subgraph…"), isEnabled: isChosen, run: () => void rename(app, chosen()?.type ?? "") },
  ];
}

/** @param {App} app */
async function make({ store, view }) {
  try {
    const { makeSubgraph } = await import("../model/nesting.js");
    view.select([store.run("Make subgraph", (change) => makeSubgraph(change, store.catalogue, [...view.selection], "Subgraph"))]);
  } catch (error) {
    toast(reasonOf(error), { kind: "bad" });
  }
}

/** @param {App} app @param {Node | null} node */
async function unpack({ store, view }, node) {
  const { unpackSubgraph } = await import("../model/nesting.js");
  if (node && store.graph.nodes.has(node.id)) view.select(store.run("Take apart", (change) => unpackSubgraph(change, store.catalogue, node.id)));
}

/** @param {App} app @param {string} id */
async function rename({ store }, id) {
  const subgraph = store.document.subgraphs.get(id);
  const name = subgraph && await askText(t("Name of the subgraph"), subgraph.name, t("Rename"));
  if (subgraph && name) store.run("Rename subgraph", (change) => change.put("graph", { ...subgraph, name }));
}

/**
 * What can be done to a socket of the entry or exit of a subgraph.
 * @param {App} app @param {Hit} hit
 * @returns {Item[]}
 */
export function slotItems({ store }, hit) {
  if (hit.kind !== "input" && hit.kind !== "output") return [];
  const { node } = hit;
  const { slot } = hit.place;
  const index = "index" in slot ? slot.index : node.inputs.findIndex((one) => one.kept.id === slot.name);
  if (!isBoundary(node) || slot.name === SPARE || index < 0) return [];
  const count = node.inputs.length + node.outputs.length;
  const ask = async () => {
    const label = await askText(t("Name of the socket"), slot.label, t("Rename"));
    if (label) store.run("Rename socket", (change) => renameSocket(change, node.id, index, label));
  };
  return [
    { label: t("Rename the socket…"), run: () => void ask() },
    { label: t("Move up"), isDisabled: index === 0, run: () => store.run("Move socket", (change) => swapSockets(change, node.id, index, index - 1)) },
    { label: t("Move down"), isDisabled: index >= count - 1, run: () => store.run("Move socket", (change) => swapSockets(change, node.id, index, index + 1)) },
    { label: t("Remove the socket"), run: () => store.run("Remove socket", (change) => removeSocket(change, node.id, index)) }, null,
  ];
}
