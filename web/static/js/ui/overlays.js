/** What floats above the canvas when it is wanted; its code comes with the first need. */

/** @import { App } from "../app.js" */

import { t } from "../words.js";
import { byId } from "./dom.js";

/** @param {App} app */
export function tendOverlays(app) {
  tendMinimap(app);
  tendProblems(app);
  const { view } = app;
  const watch = () => {
    if (view.selection.size === 0 && view.selectedGroup === null && view.selectedLink === null) return;
    view.watchers.delete(watch);
    void import("./toolbox.js").then(({ tendToolbox }) => {
      tendToolbox(app);
      view.redraw();
    });
  };
  view.watchers.add(watch);
}

/** @param {App} app */
function tendMinimap(app) {
  /** @type {{dispose: () => void} | null} */
  let map = null;
  const { settings } = app;
  const button = byId("map");
  settings.define({ id: "canvas.map", label: t("Map of the graph"), category: t("Canvas"), kind: "toggle", fallback: false });
  const show = async (/** @type {boolean} */ isShown) => {
    button.setAttribute("aria-pressed", String(isShown));
    const { Minimap } = await import("./minimap.js");
    const isWanted = settings.get("canvas.map");
    if (isWanted === (map !== null)) return;
    map?.dispose();
    map = isWanted ? new Minimap(app) : null;
  };
  const toggle = () => settings.set("canvas.map", !settings.get("canvas.map"));
  app.commands.add([{ id: "minimap", label: t("Show or hide the map"), keys: ["alt+shift+m"], run: toggle }]);
  button.addEventListener("click", () => app.commands.run("minimap"));
  settings.listen("canvas.map", (isShown) => void show(isShown));
  if (settings.get("canvas.map")) void show(true);
}

/** @param {App} app */
function tendProblems({ board, view, actions }) {
  const stop = board.listen(() => {
    if (board.problems.length === 0) return;
    stop();
    void import("./problems.js").then(({ listProblems }) => listProblems(board, view, (key) => actions.showNode(key)));
  });
}
