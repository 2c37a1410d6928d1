/** Fingers: two of them pan and zoom, a long press opens the menu. One finger is a pointer like any other. */

/** @import { Chart } from "./chart.js" */

const LONG_PRESS_MILLISECONDS = 550;
const STILL = 10;

/** @param {Chart} chart */
export function listenToTouch(chart) {
  const { stage } = chart.view;
  /** @type {Map<number, {x: number, y: number, startX: number, startY: number}>} */
  const fingers = new Map();
  let timer = 0;
  stage.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    const [x, y] = within(stage, event);
    fingers.set(event.pointerId, { x, y, startX: x, startY: y });
    clearTimeout(timer);
    if (fingers.size > 1) {
      event.stopImmediatePropagation();
      return chart.cancel();
    }
    timer = window.setTimeout(() => {
      const pointer = chart.pointer(event);
      chart.cancel();
      navigator.vibrate?.(12);
      chart.openMenu(pointer);
    }, LONG_PRESS_MILLISECONDS);
  }, { capture: true });
  stage.addEventListener("pointermove", (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    const [x, y] = within(stage, event);
    if (Math.hypot(x - finger.startX, y - finger.startY) > STILL) clearTimeout(timer);
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      event.stopImmediatePropagation();
      pinch(chart, finger, [x, y], other);
    }
    Object.assign(finger, { x, y });
  }, { capture: true });
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
    stage.addEventListener(name, (event) => {
      fingers.delete(event.pointerId);
      clearTimeout(timer);
    }, { capture: true });
  }
}

/** @param {HTMLElement} stage @param {PointerEvent} event @returns {[number, number]} */
function within(stage, event) {
  const box = stage.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

/**
 * One of two fingers moved: what lay under both stays under both.
 * @param {Chart} chart @param {{x: number, y: number}} before @param {[number, number]} now @param {{x: number, y: number}} other
 */
function pinch({ view }, before, now, other) {
  const apart = Math.hypot(before.x - other.x, before.y - other.y);
  view.camera.pan((now[0] - before.x) / 2, (now[1] - before.y) / 2);
  const middle = /** @type {[number, number]} */ ([(now[0] + other.x) / 2, (now[1] + other.y) / 2]);
  if (apart > 0) view.camera.zoom(Math.hypot(now[0] - other.x, now[1] - other.y) / apart, middle);
  view.look();
}
