/** The icon of the tab shows how far a run is, so that it is seen from other tabs. */

/** @import { App } from "../app.js" */

import { partOf } from "../engine/progress.js";
import { make } from "./dom.js";

const SIDE = 64;
const STEPS = 24;

/** @param {App} app */
export function tendFavicon({ runner, settings }) {
  const usual = /** @type {HTMLLinkElement} */ (document.head.querySelector("link[rel=icon]"));
  const [address, type] = [usual.href, usual.type];
  const canvas = make("canvas", { width: SIDE, height: SIDE });
  let shown = -1;
  const show = () => {
    const job = settings.get("run.icon") ? runner.current : null;
    const step = job?.state === "running" ? Math.round(partOf(job) * STEPS) : -1;
    if (step === shown) return;
    shown = step;
    usual.type = step < 0 ? type : "image/png";
    usual.href = step < 0 ? address : ring(canvas, step / STEPS);
    usual.dataset.part = step < 0 ? "" : String(step);
  };
  runner.listen(show);
  settings.listen("run.icon", show);
  show();
}

/** @param {HTMLCanvasElement} canvas @param {number} part from 0 to 1 @returns {string} the address of a ring that is closed so far */
function ring(canvas, part) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const accent = getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
  context.clearRect(0, 0, SIDE, SIDE);
  context.lineWidth = 13;
  for (const [alpha, end] of [[0.25, 1], [1, Math.max(0.02, part)]]) {
    context.globalAlpha = alpha;
    context.strokeStyle = accent;
    context.beginPath();
    context.arc(SIDE / 2, SIDE / 2, SIDE / 2 - 8, -Math.PI / 2, (2 * end - 0.5) * Math.PI);
    context.stroke();
  }
  return canvas.toDataURL("image/png");
}
