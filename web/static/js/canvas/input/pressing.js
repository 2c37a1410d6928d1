/** A node, a reroute or the title of a group is held, not yet moved: let go it is selected, moved it is dragged. */

/** @import { Chart, Pointer, State } from "./chart.js" */

/** @param {Chart} chart @returns {State} */
export function pressing(chart) {
  const { view } = chart;
  /** @type {Pointer} */ let pressed;
  /** @type {string | null} a gesture that began with the press */ let gesture = null;
  /** whether the press itself has put something into the selection */
  let isNew = false;

  /** @returns {{set: Set<string>, id: string} | null} what was pressed, and the selection that it belongs to */
  function chosen() {
    const { hit } = pressed;
    if ("node" in hit) return { set: view.selection, id: hit.node.id };
    return hit.kind === "reroute" ? { set: view.chosenReroutes, id: hit.reroute.id } : null;
  }

  return {
    cursor: "default",
    enter(/** @type {Pointer & {gesture?: string}} */ pointer) {
      pressed = pointer;
      gesture = pointer.gesture ?? null;
      isNew = false;
      const { hit } = pointer;
      const add = pointer.shift || pointer.control;
      if (hit.kind === "group") {
        view.clearSelection();
        view.selectedGroup = hit.group.id;
        return view.redraw();
      }
      const own = chosen();
      if (!own || own.set.has(own.id)) return;
      if (own.set === view.selection) view.select([own.id], add);
      else view.select([], add, [own.id]);
      isNew = true;
    },
    move(pointer) {
      const [x, y] = pressed.screen;
      if (Math.hypot(pointer.screen[0] - x, pointer.screen[1] - y) < chart.threshold(pointer)) return;
      chart.go("translating", { pressed, pointer, gesture });
    },
    up() {
      const own = chosen();
      const { hit } = pressed;
      if (own && !isNew) {
        if (pressed.shift || pressed.control) own.set.delete(own.id);
        else view.select(own.set === view.selection ? [own.id] : [], false, own.set === view.selection ? [] : [own.id]);
        view.redraw();
      }
      chart.go("idle");
      if (hit.kind === "media" && !pressed.shift && !pressed.control) view.pickPicture(hit.node, pressed.world);
    },
  };
}
