/** Connects the events of the browser with the state chart. */

/** @import { View } from "../view.js" */
/** @import { Actions } from "../../commands/actions.js" */

import { brushing } from "./brushing.js";
import { Chart } from "./chart.js";
import { idle } from "./idle.js";
import { lent } from "./lent.js";
import { linking } from "./linking.js";
import { panning } from "./panning.js";
import { pressing } from "./pressing.js";
import { pressingWidget } from "./pressing_widget.js";
import { resizing } from "./resizing.js";
import { translating } from "./translating.js";

const LONG_PRESS_MILLISECONDS = 550;

/**
 * Starts listening on the stage.
 * @param {View} view @param {Actions} actions
 * @returns {Chart}
 */
export function listenToPointer(view, actions) {
  const chart = new Chart(view, actions, { idle, panning, pressing, translating, brushing, resizing, pressingWidget, linking, lent });
  const { stage } = view;
  stage.addEventListener("pointerdown", (event) => press(chart, event));
  stage.addEventListener("pointermove", (event) => chart.state.move?.(chart.pointer(event)));
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
  if (chart.name !== "idle") return chart.cancel();
  event.preventDefault();
  chart.view.stage.focus({ preventScroll: true });
  chart.view.stage.setPointerCapture(event.pointerId);
  chart.state.down?.(chart.pointer(event));
}

/** @param {View} view @param {WheelEvent} event */
function turn(view, event) {
  const { target } = event;
  if (target instanceof HTMLTextAreaElement && view.dom.isFocused && target.scrollHeight > target.clientHeight && !event.ctrlKey) return;
  event.preventDefault();
  const box = view.stage.getBoundingClientRect();
  const isLine = event.deltaMode === 1;
  const amount = Math.max(-240, Math.min(240, event.deltaY * (isLine ? 33 : 1)));
  if (event.shiftKey && !event.ctrlKey) view.camera.pan(-(event.deltaX || event.deltaY), 0);
  else {
    const speed = event.ctrlKey && Math.abs(amount) < 50 ? 0.01 : 0.0016;
    view.camera.zoom(Math.exp(-amount * speed), [event.clientX - box.left, event.clientY - box.top]);
  }
  view.look();
}

/** Two fingers pan and zoom; a long press is the other button. @param {Chart} chart */
function listenToTouch(chart) {
  const { view } = chart;
  /** @type {Map<number, {x: number, y: number}>} */
  const fingers = new Map();
  let timer = 0;
  view.stage.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    fingers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    clearTimeout(timer);
    if (fingers.size > 1) return chart.cancel();
    timer = window.setTimeout(() => {
      chart.cancel();
      chart.actions.contextMenu(chart.pointer(event), event.clientX, event.clientY);
    }, LONG_PRESS_MILLISECONDS);
  }, { capture: true });
  view.stage.addEventListener("pointermove", (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    const box = view.stage.getBoundingClientRect();
    const now = { x: event.clientX - box.left, y: event.clientY - box.top };
    if (Math.hypot(now.x - finger.x, now.y - finger.y) > 6) clearTimeout(timer);
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      event.stopImmediatePropagation();
      const before = Math.hypot(finger.x - other.x, finger.y - other.y);
      view.camera.pan((now.x - finger.x) / 2, (now.y - finger.y) / 2);
      if (before > 0) view.camera.zoom(Math.hypot(now.x - other.x, now.y - other.y) / before, [(now.x + other.x) / 2, (now.y + other.y) / 2]);
      view.look();
    }
    fingers.set(event.pointerId, now);
  }, { capture: true });
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
    view.stage.addEventListener(name, (event) => {
      fingers.delete(event.pointerId);
      clearTimeout(timer);
    }, { capture: true });
  }
}
