/** What a person can choose about running, saving, searching and texts; each choice is obeyed where it is used. */

/** @import { App } from "../app.js" */

import { CONTROL_MODES, controlWords } from "../model/seeds.js";
import { t } from "../words.js";
import { tell } from "../ui/toasts.js";
import { save } from "./files.js";

/** The setting that holds the keys that a person chose, by command. */
export const KEYS = "keys.chosen";
const AUTOSAVE_MILLISECONDS = 3000;

/** @param {App} app */
export function tendChoices(app) {
  const { settings } = app;
  const running = t("Runs");
  settings.define({
    id: "run.seed", label: t("Seeds of new nodes"), category: running, kind: "choice", fallback: "randomize",
    note: t("What happens to a seed before each run."), options: CONTROL_MODES.map((mode) => ({ value: mode, label: controlWords()[mode] })),
  });
  settings.define({ id: "run.tells", label: t("Tell when a run ends while the page is hidden"), category: running, kind: "toggle", fallback: false });
  settings.listen("run.tells", (tells) => {
    if (tells && globalThis.Notification) void globalThis.Notification.requestPermission();
  });
  tellEnds(app);
  const nodes = t("Nodes");
  settings.define({ id: "nodes.card", label: t("Show in the search what a node looks like"), category: nodes, kind: "toggle", fallback: true });
  settings.define({ id: "nodes.often", label: t("What is used often comes first"), category: nodes, kind: "toggle", fallback: true });
  settings.define({ id: "nodes.bridge", label: t("Deleting a node joins its links"), category: nodes, kind: "toggle", fallback: false });
  const files = t("Files");
  settings.define({ id: "files.autosave", label: t("Save workflows by themselves once they have a name"), category: files, kind: "toggle", fallback: false });
  settings.define({ id: "files.ask", label: t("Ask before a tab with unsaved work closes"), category: files, kind: "toggle", fallback: false });
  settings.define({ id: "files.askDelete", label: t("Ask before files are deleted"), category: files, kind: "toggle", fallback: true });
  saveAlone(app);
  settings.define({ id: KEYS, kind: "record", fallback: {} });
  app.commands.rebind(settings.get(KEYS));
  settings.listen(KEYS, (chosen) => app.commands.rebind(chosen));
}

/** @param {App} app */
function tellEnds({ runner, settings, workspace }) {
  runner.listen(({ type, job, text }) => {
    if (!document.hidden || !settings.get("run.tells") || (type !== "finished" && type !== "failed")) return;
    if (!globalThis.Notification || globalThis.Notification.permission !== "granted") return;
    const name = workspace.tabs.find((tab) => tab.workflow === job?.documentId)?.name ?? "Sfumato";
    new globalThis.Notification(name, { body: type === "finished" ? t("The run is done.") : t("The run failed: {text}", { text }), tag: "sfumato-run" });
  });
}

/** Saves what has a name on the server a moment after each change. @param {App} app */
function saveAlone(app) {
  /** @type {WeakMap<import("../engine/workspace.js").Tab, ReturnType<typeof setTimeout>>} */
  const timers = new WeakMap();
  app.store.listen(({ reason }) => {
    if (reason !== "command" && reason !== "undo" && reason !== "redo") return;
    const tab = app.workspace.active;
    clearTimeout(timers.get(tab));
    timers.set(tab, setTimeout(() => {
      if (app.settings.get("files.autosave") && tab.savedAs !== null && tab.isDirty) void tell(save(app, tab, tab.savedAs, true));
    }, AUTOSAVE_MILLISECONDS));
  });
}
