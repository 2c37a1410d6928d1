/** Inputs that most people never need are folded away, on each node or on all. */

/** @import { App } from "../app.js" */

import { hooks } from "../canvas/hooks.js";
import { setShowsAdvanced } from "../model/looks.js";
import { showAdvanced } from "../model/slots.js";
import { t } from "../words.js";

/** @param {App} app */
export function tendAdvanced({ commands, settings, store, view }) {
  const able = () => [...view.selection].flatMap((id) => store.graph.nodes.get(id) ?? [])
    .filter(({ type }) => store.definitions.get(type)?.inputs.some(({ advanced }) => advanced));
  commands.add([{
    id: "advanced", label: t("Show or hide advanced inputs"), isEnabled: () => able().length > 0, run: () => {
      const isShown = able().every((node) => node.kept.showAdvanced === true);
      store.run(isShown ? "Hide advanced inputs" : "Show advanced inputs", (change) => setShowsAdvanced(change, able().map(({ id }) => id), !isShown));
    },
  }]);
  hooks.nodeMenu.add(() => (able().length > 0 && !settings.get("nodes.advanced") ? commands.items(["advanced"]) : []));
  const obey = () => {
    showAdvanced(settings.get("nodes.advanced"));
    store.define(new Map(store.catalogue));
  };
  settings.define({ id: "nodes.advanced", label: t("Show the advanced inputs of all nodes"), category: t("Nodes"), kind: "toggle", fallback: false });
  settings.listen("nodes.advanced", obey);
  if (settings.get("nodes.advanced")) obey();
}
