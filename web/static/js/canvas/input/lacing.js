/** Alt and the right button lead from one node to another: let go, they are linked by the sockets that fit best. */

/** @import { Chart, Pointer, State } from "./chart.js" */

import { connectNodes } from "../../model/wiring.js";

/** @param {Chart} chart @returns {State} */
export function lacing(chart) {
  const { view } = chart;
  let from = "";
  return {
    cursor: "crosshair",
    enter(/** @type {Pointer} */ pointer) {
      from = "node" in pointer.hit ? pointer.hit.node.id : "";
      view.stroke = [pointer.world, pointer.world];
      view.look();
    },
    move(pointer) {
      view.stroke = [view.stroke[0], pointer.world];
      view.look();
    },
    up(pointer) {
      chart.go("idle");
      if (!("node" in pointer.hit) || pointer.hit.node.id === from) return;
      const to = pointer.hit.node.id;
      try {
        view.store.run("Connect", (change) => connectNodes(change, view.store.definitions, from, to));
      } catch (error) {
        chart.actions.refuse(error instanceof Error ? error.message : String(error));
      }
    },
    exit() {
      view.stroke = [];
      view.look();
    },
  };
}
