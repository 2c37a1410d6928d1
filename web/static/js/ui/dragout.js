/** Things that are dragged out of a panel onto the canvas, with mouse, pen or (after a moment of holding still) finger. */

/** @import { App } from "../app.js" */
/** @import { Point } from "../model/types.js" */

import { hitTest } from "../canvas/hit.js";
import { make } from "./dom.js";

const SLACK = 6;
const HOLD_MILLISECONDS = 350;

/**
 * Lets an element be dragged onto the canvas.
 * @param {App} app @param {HTMLElement} element @param {string} label what follows the pointer
 * @param {(at: Point, node: import("../model/types.js").Node | null) => void} drop gets the place on the canvas, and the node there
 */
export function dragOut(app, element, label, drop) {
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const start = [event.clientX, event.clientY];
    const isFinger = event.pointerType === "touch";
    let isReady = !isFinger;
    const timer = setTimeout(() => (isReady = true), HOLD_MILLISECONDS);
    /** @type {HTMLElement | null} */
    let ghost = null;
    const move = (/** @type {PointerEvent} */ moved) => {
      const far = Math.hypot(moved.clientX - start[0], moved.clientY - start[1]) > SLACK;
      if (!ghost && far && !isReady) return end();
      if (!ghost && far) {
        ghost = make("div", { className: "drag-ghost" }, label);
        document.body.append(ghost);
      }
      if (ghost) ghost.style.transform = `translate(${moved.clientX + 12}px, ${moved.clientY + 8}px)`;
    };
    const up = (/** @type {PointerEvent} */ last) => {
      const wasDragged = ghost !== null;
      end();
      if (!wasDragged) return;
      addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => removeEventListener("click", swallow, { capture: true }), 0);
      const place = document.elementFromPoint(last.clientX, last.clientY);
      if (!place || !app.view.stage.contains(place)) return;
      const box = app.view.stage.getBoundingClientRect();
      const at = app.view.camera.toWorld(last.clientX - box.left, last.clientY - box.top);
      drop([Math.round(at[0]), Math.round(at[1])], nodeUnder(app, at));
    };
    const escape = (/** @type {KeyboardEvent} */ pressed) => {
      if (pressed.key === "Escape") end();
    };
    const end = () => {
      clearTimeout(timer);
      ghost?.remove();
      ghost = null;
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      removeEventListener("pointercancel", end);
      removeEventListener("keydown", escape, true);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
    addEventListener("pointercancel", end);
    addEventListener("keydown", escape, true);
  });
  element.addEventListener("dragstart", (event) => event.preventDefault());
}

/** @param {Event} event */
function swallow(event) {
  event.stopPropagation();
  event.preventDefault();
}

/** @param {App} app @param {Point} at */
function nodeUnder({ view }, at) {
  const hit = hitTest(view.scene, at, view.camera.scale);
  return "node" in hit ? hit.node : null;
}
