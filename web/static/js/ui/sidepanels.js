/** The panels of what can be brought onto the canvas: node types, models, pictures. Their code comes when they are opened. */

/** @import { App } from "../app.js" */

import { t } from "../words.js";
import { addLazily } from "./lazy.js";
import { loadStyle } from "./styles.js";

const ICONS = {
  nodes: "M3 4.500h6v4.500H3zM11 11h6v4.500h-6zM9 6.700h3.500q1.500 0 1.500 1.500V11",
  models: "M10 2.500l6.500 3.700v7.600L10 17.500l-6.500-3.700V6.200zM3.500 6.200L10 10l6.500-3.800M10 10v7.500",
  inspector: "M3 6h6M13 6h4M3 14h2M9 14h8M9 6a2 2 0 1 0 4 0a2 2 0 1 0-4 0M5 14a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
  assets: "M3 4h14v12H3zM3 13.500l4-4 3.500 3.500 2.500-2 4 3.500M12.500 7.500h.1",
};

/** Adds them to the docks. @param {App} app */
export function addSidePanels(app) {
  addLazily(app.sidebar, { id: "nodes", title: t("Node library"), icon: ICONS.nodes, keys: ["n"], order: 1 }, async (element) =>
    (await import("./nodelibrary.js")).renderNodeLibrary(app, element));
  addLazily(app.sidebar, { id: "models", title: t("Models"), icon: ICONS.models, keys: ["m"], order: 2 }, async (element) =>
    (await import("./models.js")).renderModels(app, element));
  addLazily(app.sidebar, { id: "assets", title: t("Gallery"), icon: ICONS.assets, keys: ["a"], order: 3 }, async (element) =>
    (await import("./gallery.js")).renderGallery(app, element));
  addLazily(app.sidebar, { id: "inspector", title: t("Properties"), icon: ICONS.inspector, keys: ["i"], order: 4 }, async (element) => {
    const [{ renderInspector }] = await Promise.all([import("./inspector.js"), loadStyle("form.css"), loadStyle("inspector.css")]);
    return renderInspector(app, element);
  });
  app.commands.add([{ id: "node-info", label: t("Properties of the selection"), isEnabled: () => app.view.selection.size > 0, run: () => app.sidebar.open("inspector") }]);
  app.commands.add([{ id: "templates", label: t("Begin with a template…"), run: () => void openTemplates(app) }]);
  addLazily(app.bottom, { id: "logs", title: t("Log"), keys: ["ctrl+`"], order: 90 }, async (element) =>
    (await import("./logs.js")).renderLogs(app, element));
}

/** @param {App} app */
async function openTemplates(app) {
  const [templates] = await Promise.all([import("./templates.js"), loadStyle("side.css")]);
  await templates.openTemplates(app);
}
