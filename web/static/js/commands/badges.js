/** What stands beside the titles of nodes: where their type comes from, and how finished it is. */

/** @import { App } from "../app.js" */

import { hooks } from "../canvas/hooks.js";
import { OWN, sourceOf } from "../model/library.js";
import { t } from "../words.js";

/** @param {App} app */
export function tendBadges({ settings, store, view }) {
  const category = t("Nodes");
  settings.define({
    id: "nodes.source", label: t("Packs beside the titles of nodes"), category, kind: "choice", fallback: "none", options: [
      { value: "none", label: t("Never") }, { value: "packs", label: t("Of nodes from packs") }, { value: "all", label: t("Of all nodes") },
    ],
  });
  settings.define({ id: "nodes.stage", label: t("Mark nodes that are deprecated or experimental"), category, kind: "toggle", fallback: false });
  hooks.badges.add((node) => {
    const wanted = settings.get("nodes.source");
    const definition = wanted === "none" ? undefined : store.definitions.get(node.type);
    const source = definition ? sourceOf(definition) : "";
    const isShown = source !== "" && source !== "page" && source !== "subgraph" && (wanted === "all" || source !== OWN);
    return isShown ? { text: source } : null;
  });
  hooks.badges.add((node) => {
    const definition = settings.get("nodes.stage") ? store.definitions.get(node.type) : undefined;
    if (definition?.deprecated) return { text: t("Deprecated"), colour: view.theme.warn };
    return definition?.experimental ? { text: t("Experimental") } : null;
  });
  for (const id of ["nodes.source", "nodes.stage"]) settings.listen(id, () => view.redraw());
  view.redraw();
}
