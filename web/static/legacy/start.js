/** Sets the surface of the ecosystem up, when the first script asks for one of its modules. */

import { packOf } from "../js/extensions/reports.js";
import { ComfyApi } from "./api.js";
import { ComfyApp } from "./app.js";
import { LGraphCanvas, joinCanvas } from "./canvas.js";
import { LGraph, LGraphGroup } from "./graph.js";
import { Host } from "./host.js";
import { LLink } from "./link.js";
import { LiteGraph } from "./litegraph.js";
import { makeManager } from "./manager.js";
import { ContextMenu } from "./menu.js";
import { LGraphNode } from "./node.js";
import { page, recording } from "./page.js";
import { elements, joinPainting } from "./painting.js";
import { joinRuns } from "./runs.js";
import { modulesOf } from "./modules.js";
import { makeMenu, makeUi } from "./ui.js";
import { makeWorkflowLegacy } from "./files.js";

/** A badge beside the title of a node. */
class LGraphBadge {
  constructor(about) {
    Object.assign(this, about);
  }
}

/**
 * @param {any} app the page's application @param {any} extensions who loads scripts
 * @returns {{begin: () => Promise<void>}}
 */
export function startLegacy(app, extensions) {
  Object.assign(page, { app, reports: extensions.reports, packNow: () => packOf() ?? "(unknown pack)", mounts: elements });
  page.host = new Host();
  const own = new ComfyApp();
  page.comfy = own;
  page.api = recording(new ComfyApi(), "api");
  Object.assign(own, { ui: makeUi(), menu: makeMenu(), bodyLeft: null });
  Object.assign(LiteGraph, { LGraph, LGraphNode, LGraphGroup, LGraphCanvas, LLink, ContextMenu, LGraphBadge, DragAndScale: class DragAndScale {} });
  joinCanvas();
  joinPainting();
  own.extensionManager = makeManager();
  joinRuns();
  makeWorkflowLegacy(app);
  const comfy = recording(own, "app");
  page.comfy = comfy;
  Object.assign(globalThis, {
    app: comfy, graph: page.host.rootGraph, LiteGraph, LGraph, LLink, LGraphNode, LGraphGroup, LGraphCanvas, LGraphBadge, ContextMenu,
    DragAndScale: LiteGraph.DragAndScale, comfyAPI: modulesOf(comfy),
  });
  return { begin: () => comfy.begin() };
}
