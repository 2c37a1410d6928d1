/** A press that an extension took: it is told of the rest. */

/** @import { Chart, Pointer, State } from "./chart.js" */
/** @import { Held } from "../hooks.js" */

/** @param {Chart} chart @returns {State} */
export function lent(chart) {
  /** @type {Held} */ let held = {};
  return {
    cursor: "default",
    enter(/** @type {Held} */ taken) {
      held = taken;
      chart.view.redraw();
    },
    move(/** @type {Pointer} */ pointer) {
      held.move?.(pointer);
      chart.view.redraw();
    },
    up(pointer) {
      chart.go("idle");
      held.up?.(pointer);
      chart.view.store.history.seal();
      chart.view.redraw();
    },
  };
}
