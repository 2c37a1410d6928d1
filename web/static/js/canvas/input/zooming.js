/** Ctrl and Shift turn a drag of the background into a zoom: up is closer, down is farther. */

/** @import { Chart, Pointer, State } from "./chart.js" */

const SPEED = 0.006;

/** @param {Chart} chart @returns {State} */
export function zooming(chart) {
  /** @type {[number, number]} */ let start = [0, 0];
  let last = 0;
  return {
    cursor: "zoom-in",
    enter(/** @type {Pointer} */ pointer) {
      start = pointer.screen;
      last = pointer.screen[1];
    },
    move(pointer) {
      const y = pointer.screen[1];
      chart.view.camera.zoom(Math.exp((last - y) * SPEED), start);
      last = y;
      chart.view.look();
    },
    up: () => chart.go("idle"),
  };
}
