/** A box is being drawn: every node that it touches is selected as it grows. */

/** @import { Chart, Pointer, State } from "./chart.js" */
/** @import { Bounds } from "../../model/types.js" */

/** @param {Chart} chart @returns {State} */
export function brushing(chart) {
  const { view } = chart;
  /** @type {[number, number]} */ let start = [0, 0];
  /** @type {Set<string>} */ let before = new Set();
  return {
    cursor: "crosshair",
    enter(/** @type {Pointer} */ pointer) {
      start = pointer.world;
      before = new Set(pointer.shift ? view.selection : []);
    },
    move(pointer) {
      const [x, y] = pointer.world;
      /** @type {Bounds} */
      const box = [Math.min(x, start[0]), Math.min(y, start[1]), Math.abs(x - start[0]), Math.abs(y - start[1])];
      view.box = box;
      view.select([...before, ...view.scene.nodesIn(box).map((node) => node.id)]);
    },
    up: () => chart.go("idle"),
    cancel: () => view.select(before),
    exit() {
      view.box = null;
      view.look();
    },
  };
}
