/** A widget is held: let go it is used, and a number that is dragged sideways changes on the way. */

/** @import { Chart, Pointer, State } from "./chart.js" */
/** @import { Widget } from "../../model/types.js" */
/** @import { WidgetPlace } from "../shape.js" */

import { chooseWord } from "../../model/commands.js";
import { fitted } from "../../widgets/values.js";

const THRESHOLD = 3;
const ARROW = 20;

/** @param {Chart} chart @returns {State} */
export function pressingWidget(chart) {
  return new PressingWidget(chart);
}

/** @param {Widget} widget @returns {boolean} */
const isNumber = (widget) => widget.kind === "int" || widget.kind === "float";

/** The state between the press on a widget and the release. */
class PressingWidget {
  /** @param {Chart} chart */
  constructor(chart) {
    this.chart = chart;
    this.view = chart.view;
    this.cursor = "default";
    /** @type {Pointer | null} */ this.pressed = null;
    /** @type {WidgetPlace | null} */ this.place = null;
    this.id = "";
    this.gesture = "";
    /** @type {number | bigint} */ this.start = 0;
    this.moved = false;
  }

  /** @param {Pointer} pointer */
  enter(pointer) {
    const { hit } = pointer;
    if (hit.kind !== "widget" && hit.kind !== "control") return;
    this.pressed = pointer;
    this.place = hit.place;
    this.id = hit.node.id;
    this.gesture = this.chart.newGesture();
    this.moved = false;
    const value = hit.node.values[hit.place.slot.name];
    this.start = typeof value === "bigint" ? value : Number(value) || 0;
    if (!this.view.selection.has(this.id)) this.view.select([this.id]);
  }

  /** Whether the value may be changed here: no link gives it, and its type is known. */
  get isFree() {
    const name = this.place?.slot.name ?? "";
    return !this.view.store.graph.linkInto(this.id, name) && this.chart.actions.canEdit(this.id);
  }

  /** @param {Pointer} pointer */
  move(pointer) {
    const { pressed, place } = this;
    const widget = place?.slot.widget;
    if (!pressed || !place || !widget) return;
    const dx = pointer.screen[0] - pressed.screen[0];
    if (!this.moved && Math.hypot(dx, pointer.screen[1] - pressed.screen[1]) < THRESHOLD) return;
    if (!isNumber(widget) || pressed.hit.kind === "control" || !this.isFree) {
      return this.chart.go("translating", { pressed, pointer });
    }
    this.moved = true;
    const isWide = widget.kind === "int" && widget.max - widget.min > 1000;
    this.nudge(place, widget, Math.round(dx / (isWide ? 3 : 5)), pointer.shift);
  }

  /** @param {Pointer} pointer */
  up(pointer) {
    const { pressed, place, moved } = this;
    this.view.store.history.seal();
    this.chart.go("idle");
    const widget = place?.slot.widget;
    if (moved || !pressed || !place || !widget) return;
    const across = pointer.world[0] - place.bounds[0];
    const isArrow = isNumber(widget) && (across < ARROW || across > place.bounds[2] - ARROW);
    if (isArrow && pressed.hit.kind === "widget" && this.isFree) this.nudge(place, widget, across < ARROW ? -1 : 1, pointer.shift);
    else this.chart.actions.useWidget(this.id, place.slot.name, pressed.hit.kind === "control", place);
  }

  /** Gives the value back that it had. */
  cancel() {
    this.view.store.abandon(this.gesture);
  }

  /** @param {WidgetPlace} place @param {Widget} widget @param {number} steps @param {boolean} fine */
  nudge(place, widget, steps, fine) {
    const isFine = fine && widget.kind === "float";
    const { start } = this;
    const moved = typeof start === "bigint"
      ? start + BigInt(Math.round(steps * widget.step)) : start + steps * widget.step * (isFine ? 0.1 : 1);
    const value = fitted(widget, moved, !isFine);
    const { label, name } = place.slot;
    const { store } = this.view;
    store.run(`Set ${label}`, (change) => chooseWord(change, store.definitions, this.id, name, value), this.gesture);
  }
}
