/** Keeps subgraphs as blueprints, and offers them in the library and the search. */

/** @import { App } from "../app.js" */

import { ApiError } from "../engine/api.js";
import { Blueprints, forgetBlueprint, keepBlueprint } from "../engine/blueprints.js";
import { warn } from "../engine/pagelog.js";
import { writeBlueprint } from "../model/parts.js";
import { askChoice } from "../ui/dialogs.js";
import { loadStyle } from "../ui/styles.js";
import { tell, toast } from "../ui/toasts.js";
import { t } from "../words.js";
import { chosenSubgraph } from "./subgraphs.js";

/** Before the names of this person's own blueprints, as types. */
const OWN_TYPE = "blueprint  ";

/** @param {App} app */
export function tendBlueprints(app) {
  const { store, commands, actions } = app;
  const blueprints = new Blueprints(t("Blueprints"));
  /** @type {Set<string>} */
  const told = new Set();
  const load = async () => {
    await blueprints.load(store.catalogue);
    actions.blueprints = blueprints.definitions;
    actions.unreadBlueprints = blueprints.unread;
    for (const { name, reason } of blueprints.unread) {
      const line = t("The blueprint “{name}” cannot be read: {reason}", { name, reason });
      if (!told.has(line)) warn(line);
      told.add(line);
    }
    for (const watch of actions.blueprintWatchers) watch();
  };
  const chosen = () => chosenSubgraph(app);
  const keep = async () => {
    const node = chosen();
    if (!node) return;
    const usual = store.document.subgraphs.get(node.type)?.name ?? "";
    const known = actions.blueprints.find(({ type }) => type === `${OWN_TYPE}${usual}`);
    const [{ askBlueprint }] = await Promise.all([import("../ui/blueprintdialog.js"), loadStyle("side.css")]);
    const about = await askBlueprint({ name: usual, description: known?.description ?? "", aliases: known?.aliases ?? [] });
    if (about === null) return;
    const { name } = about;
    const json = writeBlueprint(store.document, store.catalogue, store.graphId, node.id, { ...about, name: name.slice(name.lastIndexOf("/") + 1) });
    try {
      await keepBlueprint(name, json, false);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409) throw error;
      if (await askChoice(t("Replace the blueprint?"), t("There is a blueprint “{name}” already.", { name }), [t("Replace")]) === null) return;
      await keepBlueprint(name, json, true);
    }
    await load();
    toast(t("“{name}” is in the library now, under Blueprints.", { name }), { kind: "good", name: "blueprint" });
  };
  const forget = async () => {
    const names = actions.blueprints.filter(({ module }) => module === "").map(({ type }) => type.slice(OWN_TYPE.length));
    const name = await askChoice(t("Delete a blueprint"), t("Nodes that were made from it stay as they are."), names);
    if (name === null) return;
    await forgetBlueprint(name);
    await load();
  };
  commands.add([
    { id: "keep-blueprint", label: t("Keep the subgraph as a blueprint…"), isEnabled: () => chosen() !== null, run: () => void tell(keep()) },
    {
      id: "forget-blueprint", label: t("Delete a blueprint…"), isEnabled: () => actions.blueprints.some(({ module }) => module === ""),
      run: () => void tell(forget()),
    },
  ]);
  void load();
}
