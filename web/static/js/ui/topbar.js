/** The bar at the top: name of the workflow, menu, state of the run and of the line to the server. */

/** @import { App } from "../app.js" */

import { partOf } from "../engine/progress.js";
import { t } from "../words.js";
import { openMenu } from "./menu.js";
import { tendRunButton } from "./runbutton.js";
import { byId } from "./dom.js";

/**
 * Fills the bar and keeps it true.
 * @param {App} app
 */
export function tendTopbar(app) {
  const cancel = /** @type {HTMLButtonElement} */ (byId("cancel"));
  cancel.addEventListener("click", () => app.commands.run("cancel"));
  byId("undo").addEventListener("click", () => app.commands.run("undo"));
  byId("redo").addEventListener("click", () => app.commands.run("redo"));
  byId("add").addEventListener("click", () => app.commands.run("add-node"));
  byId("zoom-in").addEventListener("click", () => app.commands.run("zoom-in"));
  byId("zoom-out").addEventListener("click", () => app.commands.run("zoom-out"));
  byId("zoom-fit").addEventListener("click", () => app.commands.run("fit"));
  const menu = byId("menu");
  menu.addEventListener("click", () => {
    const box = menu.getBoundingClientRect();
    openMenu(box.left, box.bottom + 6, app.commands.items([
      "new", "templates", "open-server", "open-file", null, "save", "save-as", "versions", "download", "export-prompt", null, "refresh", "palette",
      "shortcuts", "settings",
    ]));
  });
  const update = () => showRun(app, cancel);
  app.runner.listen(update);
  app.store.listen(() => showDocument(app));
  app.view.watchers.add(() => showZoom(app));
  tendRunButton(app);
  update();
  showDocument(app);
}

/** @param {App} app @param {HTMLButtonElement} cancel */
function showRun(app, cancel) {
  const job = app.runner.current;
  const bar = byId("progress");
  const text = byId("progress-text");
  const part = partOf(job);
  const shown = `scaleX(${job ? Math.max(0.02, Math.round(part * 1000) / 1000) : 0})`;
  if (bar.style.transform !== shown) bar.style.transform = shown;
  if (cancel.disabled !== !job) cancel.disabled = !job;
  const others = app.runner.remaining - (job ? 1 : 0);
  const waits = others > 0 ? t("{count} more in the queue", { count: others }) : "";
  const state = !job ? "" : job.state === "queued" ? t("Waiting") : `${Math.round(part * 100)} %`;
  const said = [state, waits].filter(Boolean).join(", ");
  if (text.textContent !== said) text.textContent = said;
  const title = `${job?.state === "running" ? `${Math.round(part * 100)} % ` : ""}${app.name} – Sfumato`;
  if (document.title !== title) document.title = title;
}

/** @param {App} app */
function showDocument(app) {
  const { past, future } = app.store.history;
  for (const [id, { length }] of /** @type {const} */ ([["undo", past], ["redo", future]])) {
    const button = /** @type {HTMLButtonElement} */ (byId(id));
    if (button.disabled !== (length === 0)) button.disabled = length === 0;
  }
  const title = `${app.name} – Sfumato`;
  if (!app.runner.current && document.title !== title) document.title = title;
}

/** @param {App} app */
function showZoom(app) {
  const text = `${Math.round(app.view.camera.scale * 100)} %`;
  const field = byId("zoom-fit");
  if (field.textContent !== text) field.textContent = text;
}

/**
 * Shows how the line to the server stands.
 * @param {"open" | "closed"} state
 */
export function showLine(state) {
  const dot = byId("line");
  dot.dataset.state = state;
  dot.title = state === "open" ? t("Connected to the server") : t("The server does not answer. Trying again…");
  byId("line-text").textContent = state === "open" ? "" : t("Not connected");
}
