/** The wheel and two fingers on a trackpad: zoom or move, as was chosen. */

/** @import { View } from "../view.js" */

const LINE_PIXELS = 33;
/** A mouse wheel turns at least this far at once; a trackpad sends many smaller steps. */
const LEAST_NOTCH = 50;
const BURST_MILLISECONDS = 200;

let lastTime = 0;
let wasTrackpad = false;

/**
 * Whether a turn comes from a trackpad: it is slanted, or small, or goes on with a burst that was.
 * @param {{deltaX: number, deltaY: number, deltaMode: number, timeStamp: number}} event
 * @returns {boolean}
 */
export function isTrackpad({ deltaX, deltaY, deltaMode, timeStamp }) {
  const goesOn = timeStamp - lastTime < BURST_MILLISECONDS;
  lastTime = timeStamp;
  if (goesOn) return wasTrackpad;
  wasTrackpad = deltaMode === 0 && (deltaX !== 0 || Math.abs(deltaY) < LEAST_NOTCH);
  return wasTrackpad;
}

/** @param {View} view @param {WheelEvent} event */
export function turn(view, event) {
  const { target } = event;
  if (target instanceof HTMLTextAreaElement && view.dom.isFocused && target.scrollHeight > target.clientHeight && !event.ctrlKey) return;
  event.preventDefault();
  const unit = event.deltaMode === 1 ? LINE_PIXELS : 1;
  const fingers = isTrackpad(event);
  const { wheel } = view.choices;
  const moves = !event.ctrlKey && !event.metaKey && (event.shiftKey || wheel === "move" || (wheel === "automatic" && fingers));
  if (moves) {
    const [across, down] = event.shiftKey && event.deltaX === 0 ? [event.deltaY, 0] : [event.deltaX, event.deltaY];
    view.camera.pan(-across * unit, -down * unit);
  } else {
    const box = view.stage.getBoundingClientRect();
    const amount = Math.max(-240, Math.min(240, event.deltaY * unit));
    const speed = event.ctrlKey && Math.abs(amount) < LEAST_NOTCH ? 0.01 : 0.0016;
    view.camera.zoom(Math.exp(-amount * speed * view.choices.speed), [event.clientX - box.left, event.clientY - box.top]);
  }
  view.look();
}
