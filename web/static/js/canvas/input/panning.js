/** The background is held: the canvas moves along. A press that does not move selects nothing. */

/** @import { Chart, Pointer, State } from "./chart.js" */

const THRESHOLD = 3;

/** @param {Chart} chart @returns {State} */
export function panning(chart) {
  /** @type {[number, number]} */ let last = [0, 0];
  /** @type {[number, number]} */ let start = [0, 0];
  let moved = false;
  let clears = false;
  return {
    cursor: "grabbing",
    enter(/** @type {Pointer} */ pointer) {
      last = start = pointer.screen;
      moved = false;
      clears = pointer.button === 0 && !chart.isSpaceHeld && !pointer.shift;
    },
    move(pointer) {
      const [x, y] = pointer.screen;
      if (!moved && Math.hypot(x - start[0], y - start[1]) < THRESHOLD) return;
      moved = true;
      chart.view.camera.pan(x - last[0], y - last[1]);
      last = [x, y];
      chart.view.look();
    },
    up() {
      if (!moved && clears) chart.view.clearSelection();
      chart.go("idle");
    },
  };
}
