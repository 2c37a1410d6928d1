/** What is done to one node with tools that are fetched then: its mask is painted, its values changed, its links made by name. */

/** @import { App } from "../app.js" */
/** @import { Node } from "../model/types.js" */

import { hooks } from "../canvas/hooks.js";
import { byId } from "../ui/dom.js";
import { loadStyle } from "../ui/styles.js";
import { t } from "../words.js";
import { chosenNode } from "./subgraphs.js";

/** @param {App} app @param {Node | null} node @returns {string | null} the input that holds a picture with a mask */
function maskInput({ store }, node) {
  const definition = node && store.definitions.get(node.type);
  if (!node || !definition?.outputs.some(({ type }) => type === "MASK")) return null;
  const input = definition.inputs.find(({ widget }) => widget?.upload);
  return input && node.values[input.name] && !store.graph.linkInto(node.id, input.name) ? input.name : null;
}

/** Adds the command and the menu entry. @param {App} app */
export function tendNodeTools(app) {
  const chosen = () => chosenNode(app);
  const open = async () => {
    const node = chosen();
    const name = maskInput(app, node);
    if (!node || name === null) return;
    const { openMaskEditor } = await import("../ui/mask/editor.js");
    openMaskEditor(app, node.id, name);
  };
  const byKeys = async (/** @type {"editValues" | "connectByName"} */ what) => {
    const node = chosen();
    if (node) (await import("../ui/bykeys.js"))[what](app, node);
  };
  const isEnabled = () => chosen() !== null;
  /** @type {Promise<() => void> | null} */
  let outline = null;
  const list = async () => (await (outline ??= import("../ui/outline.js").then(({ tendOutline }) => tendOutline(app))))();
  app.commands.add([
    { id: "outline", label: t("List of nodes"), keys: ["o"], run: () => void list() },
    { id: "edit-mask", label: t("Paint a mask…"), isEnabled: () => maskInput(app, chosen()) !== null, run: () => void open() },
    { id: "edit-values", label: t("Change the values of the node…"), keys: ["e"], isEnabled, run: () => void byKeys("editValues") },
    { id: "connect-by-name", label: t("Link the node…"), keys: ["l"], isEnabled, run: () => void byKeys("connectByName") },
    { id: "problems", label: t("Go to the problems"), keys: ["!"], isEnabled: () => app.board.problems.length > 0, run: () => byId("problems").querySelector("button")?.focus() },
  ]);
  hooks.nodeMenu.add((node) => (maskInput(app, node) === null ? [] : app.commands.items(["edit-mask"])));
}

/** Fetches what shows markdown as soon as a graph on screen holds a note of it. @param {App} app */
export function tendNotes(app) {
  let isAsked = false;
  const look = () => {
    if (isAsked || ![...app.store.graph.nodes.values()].some(({ type }) => type === "MarkdownNote")) return;
    isAsked = true;
    void Promise.all([import("../ui/notes.js"), loadStyle("notes.css")]).then(([{ layNotes }]) => layNotes(app));
  };
  app.store.listen(look);
  look();
}
