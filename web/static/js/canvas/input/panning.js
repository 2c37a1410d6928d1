/** The background is held: the canvas moves along. A press that does not move selects nothing. */

/** @import { Chart, Pointer, State } from "./chart.js" */

import { addReroute } from "../../model/commands.js";
import { chainOf } from "../../model/reroutes.js";

/** @param {Chart} chart @returns {State} */
export function panning(chart) {
  const { view } = chart;
  /** @type {[number, number]} */ let last = [0, 0];
  /** @type {Pointer} */ let pressed;
  let moved = false;

  /** @param {Pointer} pointer a press with the middle button that did not move: on a socket it makes a reroute */
  function middle({ hit, world }) {
    if (hit.kind !== "output" && hit.kind !== "input") return;
    const { graph } = view.store;
    const link = hit.kind === "input" ? graph.linkInto(hit.node.id, hit.place.slot.name)
      : graph.linksFrom(hit.node.id).find((one) => one.slot === hit.place.slot.index);
    if (!link) return;
    const side = hit.kind === "input" ? -48 : 48;
    const end = hit.kind === "input" ? link.id : chainOf(graph, link.via)[0]?.id ?? link.id;
    view.store.run("Add reroute", (change) => addReroute(change, end, [Math.round(world[0]) + side, Math.round(hit.place.y)]));
  }

  return {
    cursor: "grabbing",
    enter(/** @type {Pointer} */ pointer) {
      last = pointer.screen;
      pressed = pointer;
      moved = false;
    },
    move(pointer) {
      const [x, y] = pointer.screen;
      if (!moved && Math.hypot(x - pressed.screen[0], y - pressed.screen[1]) < chart.threshold(pointer)) return;
      moved = true;
      view.camera.pan(x - last[0], y - last[1]);
      last = [x, y];
      view.look();
    },
    up() {
      chart.go("idle");
      if (moved || chart.isSpaceHeld) return;
      if (pressed.button === 1) return middle(pressed);
      const { hit } = pressed;
      if (hit.kind === "link" && hit.isMark && view.selectedLink === hit.link.id) return chart.openMenu(pressed);
      if (hit.kind !== "link" && !pressed.shift) view.clearSelection();
    },
  };
}
