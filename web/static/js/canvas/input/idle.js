/** Nothing is held: the pointer hovers, and a press decides which gesture begins. */

/** @import { Chart, Pointer, State } from "./chart.js" */
/** @import { Hit } from "../hit.js" */

import { firstOf, hooks } from "../hooks.js";
import { press } from "./presses.js";

/** @type {Record<string, string>} */
const CURSORS = {
  output: "crosshair", input: "crosshair", corner: "nwse-resize", "group-corner": "nwse-resize", link: "pointer", reroute: "grab",
  control: "pointer", fold: "pointer", media: "default",
};

/** @param {Chart} chart @returns {State} */
export function idle(chart) {
  const { view } = chart;

  /** @param {Pointer} pointer */
  function hover(pointer) {
    view.setHover(pointer.hit);
    for (const follow of hooks.hover) follow(pointer);
    const { hit } = pointer;
    state.cursor = cursorOf(hit);
    chart.showCursor();
    const isText = hit.kind === "widget" && hit.place.slot.widget?.kind === "text";
    const isFree = isText && hit.node.type !== "MarkdownNote" && !view.store.graph.linkInto(hit.node.id, hit.place.slot.name);
    if (view.dom.isFocused) return;
    if (isFree && view.camera.scale > 0.45) view.dom.openText(hit.node, hit.place.slot.name);
    else view.dom.close();
  }

  /** @param {Pointer} pointer */
  function double(pointer) {
    const { hit } = pointer;
    if (firstOf(hooks.double, pointer)) return;
    if (hit.kind === "background") chart.actions.search({ at: pointer.world, screen: pointer.screen });
    else if ("node" in hit && (hit.kind === "title" || hit.kind === "body") && view.isSubgraph(hit.node.type)) chart.actions.enter(hit.node);
    else if (hit.kind === "title") view.dom.openTitle(hit.node);
    else if (hit.kind === "group") chart.actions.renameGroup(hit.group);
    else if (hit.kind === "media") chart.actions.openPictures(hit.node);
  }

  /** @type {State} */
  const state = { cursor: "default", move: hover, down: (pointer) => press(chart, pointer), double, enter: () => void (state.cursor = "default") };
  return state;
}

/** @param {Hit} hit @returns {string} */
function cursorOf(hit) {
  if (hit.kind !== "widget") return CURSORS[hit.kind] ?? "default";
  const kind = hit.place.slot.widget?.kind;
  if (kind === "int" || kind === "float") return "ew-resize";
  return kind === "string" || kind === "text" ? "text" : "pointer";
}
