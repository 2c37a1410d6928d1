/** The panels of what can be brought onto the canvas: node types, models, pictures. Their code comes when they are opened. */

/** @import { App } from "../app.js" */

import { t } from "../words.js";
import { addLazily } from "./lazy.js";

const ICONS = {
  nodes: "M3 4.500h6v4.500H3zM11 11h6v4.500h-6zM9 6.700h3.500q1.500 0 1.500 1.500V11",
};

/** Adds them to the docks. @param {App} app */
export function addSidePanels(app) {
  addLazily(app.sidebar, { id: "nodes", title: t("Node library"), icon: ICONS.nodes, keys: ["n"], order: 1 }, async (element) =>
    (await import("./nodelibrary.js")).renderNodeLibrary(app, element));
  addLazily(app.bottom, { id: "logs", title: t("Log"), keys: ["ctrl+`"], order: 90 }, async (element) =>
    (await import("./logs.js")).renderLogs(app, element));
}
