/** A box is being drawn: every node and reroute that it touches is selected as it grows. */

/** @import { Chart, Pointer, State } from "./chart.js" */
/** @import { Bounds } from "../../model/types.js" */

/** @param {Chart} chart @returns {State} */
export function brushing(chart) {
  const { view } = chart;
  /** @type {[number, number]} */ let start = [0, 0];
  /** @type {string[]} */ let nodes = [];
  /** @type {string[]} */ let reroutes = [];
  let shown = "";
  return {
    cursor: "crosshair",
    followsEdges: true,
    enter(/** @type {Pointer} */ pointer) {
      start = pointer.world;
      nodes = pointer.shift ? [...view.selection] : [];
      reroutes = pointer.shift ? [...view.chosenReroutes] : [];
      shown = "";
    },
    move(pointer) {
      const [x, y] = pointer.world;
      /** @type {Bounds} */
      const box = [Math.min(x, start[0]), Math.min(y, start[1]), Math.abs(x - start[0]), Math.abs(y - start[1])];
      view.box = box;
      const inside = [...view.scene.nodes.query(box)];
      const points = [...view.scene.reroutes.query(box)];
      const now = [...inside, ...points].sort().join();
      if (now !== shown) view.select([...nodes, ...inside], false, [...reroutes, ...points]);
      shown = now;
      view.look();
    },
    up() {
      if (view.box === null && !chart.isSpaceHeld) view.select(nodes, false, reroutes);
      chart.go("idle");
    },
    cancel: () => view.select(nodes, false, reroutes),
    exit() {
      view.box = null;
      view.look();
    },
  };
}
