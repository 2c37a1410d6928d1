/** What a press begins: by the button, the keys that are held, and what lies under the pointer. */

/** @import { Chart, Pointer } from "./chart.js" */
/** @import { Hit } from "../hit.js" */

import { addReroute, removeReroutes, setCollapsed } from "../../model/commands.js";
import { isPinned } from "../../model/looks.js";
import { chainOf } from "../../model/reroutes.js";
import { firstOf, hooks } from "../hooks.js";

/**
 * A press while nothing is held.
 * @param {Chart} chart @param {Pointer} pointer
 */
export function press(chart, pointer) {
  const { view } = chart;
  view.dom.close();
  const { hit } = pointer;
  if (pointer.button === 2) return pressRight(chart, pointer);
  if (pointer.button === 1 || chart.isSpaceHeld || (view.mode === "hand" && pointer.button === 0)) return chart.go("panning", pointer);
  if (pointer.button !== 0 || lend(chart, pointer)) return;
  if (hit.kind === "output" || hit.kind === "input") return chart.go("linking", pointer);
  if (hit.kind === "fold") return fold(chart, hit);
  if (hit.kind === "corner" && isPinned(hit.node)) return chart.go("pressing", pointer);
  if (hit.kind === "corner" || hit.kind === "group-corner") return chart.go("resizing", pointer);
  if (hit.kind === "widget" || hit.kind === "control") return chart.go("pressingWidget", pointer);
  if ("node" in hit || hit.kind === "group") return chart.go("pressing", pointer);
  if (hit.kind === "reroute") return chart.go(pointer.shift ? "linking" : "pressing", pointer);
  if (hit.kind === "link") return pressLink(chart, pointer, hit);
  if (pointer.control && pointer.shift) return chart.go("zooming", pointer);
  chart.go(pointer.control !== (view.choices.drag === "select" && !pointer.touch) ? "brushing" : "panning", pointer);
}

/** @param {Chart} chart @param {Pointer} pointer a press with the right button, which opens the menu unless a key is held */
function pressRight(chart, pointer) {
  const { view } = chart;
  const { hit } = pointer;
  chart.takesMenu = pointer.control || pointer.alt;
  if (pointer.alt && hit.kind === "reroute") view.store.run("Remove reroute", (change) => removeReroutes(change, [hit.reroute.id]));
  else if (pointer.alt && "node" in hit) chart.go("lacing", pointer);
  else if (pointer.control) chart.go("cutting", pointer);
}

/**
 * A link is selected, with Alt gets a reroute that is held at once, and with Shift gives a second link.
 * @param {Chart} chart @param {Pointer} pointer @param {Extract<Hit, {kind: "link"}>} hit
 */
function pressLink(chart, pointer, hit) {
  const { view } = chart;
  if (pointer.shift) return chart.go("linking", pointer);
  if (pointer.alt) {
    const { graph } = view.store;
    const gesture = chart.newGesture();
    const [x, y] = pointer.world;
    const end = chainOf(graph, hit.link.via)[hit.segment]?.id ?? hit.link.id;
    const reroute = view.store.run("Add reroute", (change) => addReroute(change, end, [Math.round(x), Math.round(y)]), gesture);
    return chart.go("pressing", { ...pointer, alt: false, gesture, hit: { kind: "reroute", reroute } });
  }
  const wasChosen = view.selectedLink === hit.link.id;
  view.clearSelection();
  view.selectedLink = hit.link.id;
  chart.go("panning", wasChosen ? pointer : { ...pointer, hit: { ...hit, isMark: false } });
}

/** @param {Chart} chart @param {Extract<Hit, {node: unknown}>} hit */
function fold({ view }, hit) {
  const { id, collapsed } = hit.node;
  view.store.run(collapsed ? "Expand node" : "Collapse node", (change) => setCollapsed(change, [id], !collapsed));
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
