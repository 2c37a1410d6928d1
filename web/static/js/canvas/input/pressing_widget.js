/** A widget is held: let go it is used, and a number that is dragged sideways changes on the way. */

/** @import { Chart, Pointer, State } from "./chart.js" */
/** @import { Widget } from "../../model/types.js" */
/** @import { WidgetPlace } from "../shape.js" */

import { setValue } from "../../model/commands.js";
import { fitted } from "../../widgets/values.js";

const THRESHOLD = 3;
const ARROW = 20;

/** @param {Chart} chart @returns {State} */
export function pressingWidget(chart) {
  const { view } = chart;
  /** @type {Pointer} */ let pressed;
  /** @type {WidgetPlace} */ let place;
  let id = "";
  let gesture = "";
  let start = 0;
  let moved = false;

  /** @param {Widget} widget @returns {boolean} */
  const isNumber = (widget) => widget.kind === "int" || widget.kind === "float";

  /** @param {number} value */
  function set(value) {
    view.store.run(`Set ${place.slot.label}`, (change) => setValue(change, id, place.slot.name, value), gesture);
  }

  /** @param {Widget} widget @param {number} steps @param {boolean} fine */
  function nudge(widget, steps, fine) {
    const step = fine && widget.kind === "float" ? widget.step / 10 : widget.step;
    set(fitted(widget, start + steps * step, !fine));
  }

  return {
    cursor: "default",
    enter(/** @type {Pointer} */ pointer) {
      pressed = pointer;
      if (!("place" in pointer.hit) || !("bounds" in pointer.hit.place)) return;
      const { node } = pointer.hit;
      place = pointer.hit.place;
      id = node.id;
      gesture = chart.newGesture();
      moved = false;
      start = Number(node.values[place.slot.name]) || 0;
      if (!view.selection.has(id)) view.select([id]);
    },
    move(pointer) {
      const widget = /** @type {Widget} */ (place.slot.widget);
      const dx = pointer.screen[0] - pressed.screen[0];
      if (!moved && Math.hypot(dx, pointer.screen[1] - pressed.screen[1]) < THRESHOLD) return;
      const isLinked = view.store.graph.linkInto(id, place.slot.name) !== undefined;
      const frozen = isLinked || pressed.hit.kind === "control" || !chart.actions.canEdit(id);
      if (!isNumber(widget) || frozen) {
        if (!moved) chart.go("translating", { pressed, pointer });
        return;
      }
      moved = true;
      nudge(widget, Math.round(dx / (widget.kind === "int" && widget.max - widget.min > 1000 ? 3 : 5)), pointer.shift);
    },
    up(pointer) {
      view.store.history.seal();
      const [x, , width] = place.bounds;
      const across = pointer.world[0] - x;
      chart.go("idle");
      if (moved) return;
      const widget = /** @type {Widget} */ (place.slot.widget);
      const isArrow = isNumber(widget) && (across < ARROW || across > width - ARROW);
      const isFree = !view.store.graph.linkInto(id, place.slot.name) && chart.actions.canEdit(id);
      if (isArrow && pressed.hit.kind === "widget" && isFree) nudge(widget, across < ARROW ? -1 : 1, pointer.shift);
      else chart.actions.useWidget(id, place.slot.name, pressed.hit.kind === "control", place);
    },
    cancel: () => view.store.abandon(gesture),
  };
}
