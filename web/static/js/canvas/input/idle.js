/** Nothing is held: the pointer hovers, and a press decides which gesture begins. */

/** @import { Chart, Pointer, State } from "./chart.js" */
/** @import { Hit } from "../hit.js" */

import { firstOf, hooks } from "../hooks.js";
import { setCollapsed } from "../../model/commands.js";

/** @type {Record<string, string>} */
const CURSORS = {
  output: "crosshair", input: "crosshair", corner: "nwse-resize", "group-corner": "nwse-resize", link: "pointer",
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
    const isFree = isText && !view.store.graph.linkInto(hit.node.id, hit.place.slot.name);
    if (view.dom.isFocused) return;
    if (isFree && view.camera.scale > 0.45) view.dom.openText(hit.node, hit.place.slot.name);
    else view.dom.close();
  }

  /** @param {Pointer} pointer */
  function press(pointer) {
    view.dom.close();
    const { hit } = pointer;
    if (pointer.button === 1 || chart.isSpaceHeld) return chart.go("panning", pointer);
    if (pointer.button !== 0 || lend(chart, pointer)) return;
    if (hit.kind === "output" || hit.kind === "input") return chart.go("linking", pointer);
    if (hit.kind === "fold") return fold(hit);
    if (hit.kind === "corner" || hit.kind === "group-corner") return chart.go("resizing", pointer);
    if (hit.kind === "widget" || hit.kind === "control") return chart.go("pressingWidget", pointer);
    if ("node" in hit) return chart.go("pressing", pointer);
    if (hit.kind === "link") return pickLink(hit);
    if (hit.kind === "group") return chart.go("pressing", pointer);
    chart.go(pointer.control ? "brushing" : "panning", pointer);
  }

  /** @param {Extract<Hit, {kind: "link"}>} hit */
  function pickLink(hit) {
    view.clearSelection();
    view.selectedLink = hit.link.id;
  }

  /** @param {Extract<Hit, {node: unknown}>} hit */
  function fold(hit) {
    const { id, collapsed } = hit.node;
    view.store.run(collapsed ? "Expand node" : "Collapse node", (change) => setCollapsed(change, [id], !collapsed));
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
  const state = { cursor: "default", move: hover, down: press, double, enter: () => void (state.cursor = "default") };
  return state;
}

/** Lends a press to the extension that wants it. @param {Chart} chart @param {Pointer} pointer @returns {boolean} */
function lend(chart, pointer) {
  const { hit } = pointer;
  const guest = hit.kind === "widget" ? hit.place.slot.widget?.guest : undefined;
  const own = guest !== undefined && hit.kind === "widget" ? hooks.widgets.get(guest)?.press?.(pointer, hit.node, hit.place) : null;
  const held = own ?? firstOf(hooks.press, pointer);
  if (held) chart.go("lent", held);
  return held !== null;
}

/** @param {Hit} hit @returns {string} */
function cursorOf(hit) {
  if (hit.kind !== "widget") return CURSORS[hit.kind] ?? "default";
  const kind = hit.place.slot.widget?.kind;
  if (kind === "int" || kind === "float") return "ew-resize";
  return kind === "string" || kind === "text" ? "text" : "pointer";
}
