/** Connects the events of the browser with the state chart. */

/** @import { View } from "../view.js" */
/** @import { Actions } from "../../commands/actions.js" */

import { brushing } from "./brushing.js";
import { Chart } from "./chart.js";
import { cutting } from "./cutting.js";
import { idle } from "./idle.js";
import { lacing } from "./lacing.js";
import { lent } from "./lent.js";
import { linking } from "./linking.js";
import { panning } from "./panning.js";
import { placing } from "./placing.js";
import { pressing } from "./pressing.js";
import { pressingWidget } from "./pressing_widget.js";
import { resizing } from "./resizing.js";
import { translating } from "./translating.js";
import { listenToTouch } from "./touch.js";
import { turn } from "./wheel.js";
import { zooming } from "./zooming.js";

/**
 * Starts listening on the stage.
 * @param {View} view @param {Actions} actions
 * @returns {Chart}
 */
export function listenToPointer(view, actions) {
  const chart = new Chart(view, actions, {
    idle, panning, pressing, translating, brushing, resizing, pressingWidget, linking, cutting, lacing, zooming, lent, placing,
  });
  const { stage } = view;
  stage.addEventListener("pointerdown", (event) => press(chart, event));
  stage.addEventListener("pointermove", (event) => chart.move(event));
  stage.addEventListener("pointerup", (event) => {
    if (stage.hasPointerCapture(event.pointerId)) stage.releasePointerCapture(event.pointerId);
    if (chart.name !== "idle") chart.state.up?.(chart.pointer(event));
  });
  stage.addEventListener("pointercancel", () => chart.cancel());
  stage.addEventListener("pointerleave", () => {
    if (chart.name === "idle" && !view.dom.isFocused) view.setHover({ kind: "background" });
  });
  stage.addEventListener("dblclick", (event) => {
    if (!isTyping(event.target)) chart.state.double?.(chart.pointer(event));
  });
  stage.addEventListener("wheel", (event) => turn(view, event), { passive: false });
  stage.addEventListener("contextmenu", (event) => {
    if (isTyping(event.target) && view.dom.isFocused) return;
    event.preventDefault();
    const isFinger = "pointerType" in event && event.pointerType === "touch";
    if (isFinger || chart.takesMenu || chart.name !== "idle") return;
    view.dom.close();
    actions.contextMenu(chart.pointer(event), event.clientX, event.clientY);
  });
  listenToTouch(chart);
  return chart;
}

/** @param {EventTarget | null} target @returns {boolean} */
function isTyping(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}

/** @param {Chart} chart @param {PointerEvent} event */
function press(chart, event) {
  if (isTyping(event.target) && event.button !== 1) return;
  if (chart.name === "placing") return chart.state.down?.(chart.pointer(event));
  if (chart.name !== "idle") return chart.cancel();
  chart.takesMenu = false;
  event.preventDefault();
  chart.view.stage.focus({ preventScroll: true });
  chart.view.stage.setPointerCapture(event.pointerId);
  chart.state.down?.(chart.pointer(event));
}
