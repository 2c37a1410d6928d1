/** A node or the title of a group is held, not yet moved: let go it is selected, moved it is dragged. */

/** @import { Chart, Pointer, State } from "./chart.js" */

const THRESHOLD = 4;

/** @param {Chart} chart @returns {State} */
export function pressing(chart) {
  /** @type {Pointer} */ let pressed;
  /** whether the press itself has put the node into the selection */
  let isNew = false;
  return {
    cursor: "default",
    enter(/** @type {Pointer} */ pointer) {
      pressed = pointer;
      isNew = false;
      const { hit } = pointer;
      const { view } = chart;
      if (hit.kind === "group") {
        view.clearSelection();
        view.selectedGroup = hit.group.id;
        view.redraw();
      } else if ("node" in hit && !view.selection.has(hit.node.id)) {
        view.select([hit.node.id], pointer.shift || pointer.control);
        isNew = true;
      }
    },
    move(pointer) {
      const [x, y] = pressed.screen;
      if (Math.hypot(pointer.screen[0] - x, pointer.screen[1] - y) < THRESHOLD) return;
      chart.go("translating", { pressed, pointer });
    },
    up() {
      const { hit } = pressed;
      if ("node" in hit && !isNew) {
        if (pressed.shift || pressed.control) chart.view.selection.delete(hit.node.id);
        else chart.view.select([hit.node.id]);
        chart.view.redraw();
      }
      chart.go("idle");
    },
  };
}
