/** Opening and saving: files, the server's folder of workflows, what is dropped or pasted on the page. */

/** @import { App } from "../app.js" */
/** @import { Tab } from "../engine/workspace.js" */
/** @import { Command } from "./registry.js" */

import { setName } from "../model/commands.js";
import { writeJson } from "../model/io/json.js";
import { folded } from "../model/search.js";
import { Conflict, listWorkflows, saveWorkflow } from "../engine/kept.js";
import { t } from "../words.js";
import { askText } from "../ui/dialogs.js";
import { chooseFiles, saveFile } from "../ui/localfiles.js";
import { openPalette } from "../ui/palette.js";
import { tell, toast } from "../ui/toasts.js";

/** @param {App} app @returns {Command[]} */
export function fileCommands(app) {
  const { workspace } = app;
  return [
    { id: "open-file", label: t("Open a file…"), keys: ["ctrl+o"], scope: "page", run: () => void tell(chooseFiles("", true).then((files) => openFiles(app, files, null))) },
    { id: "open-server", label: t("Open a saved workflow…"), run: () => void tell(openSaved(app)) },
    { id: "save", label: t("Save"), keys: ["ctrl+s"], scope: "page", run: () => void tell(save(app, workspace.active, app.savedAs)) },
    { id: "save-as", label: t("Save as…"), keys: ["ctrl+shift+s"], scope: "page", run: () => void tell(save(app, workspace.active, null)) },
    {
      id: "versions", label: t("Earlier versions…"), isEnabled: () => app.savedAs !== null,
      run: () => void tell(import("../ui/history.js").then(({ openVersions }) => openVersions(app))),
    },
    { id: "download", label: t("Download as a file"), run: () => saveFile(`${app.name}.json`, writeJson(app.workflow(), 2)) },
    { id: "export-prompt", label: t("Download for the API"), run: () => void tell(exportPrompt(app)) },
  ];
}

/** @param {App} app */
async function exportPrompt(app) {
  const { writePrompt } = await import("../model/io/flatten.js");
  saveFile(`${app.name}.api.json`, writeJson(writePrompt(app.store.document, app.store.catalogue), 2));
}

/**
 * Saves a workflow over what was last seen of it; if somebody else has saved meanwhile it is asked what to do.
 * @param {App} app @param {Tab} tab @param {string | null} savedAs null asks for a name
 * @param {boolean} isQuiet whether success is not worth a message
 */
export async function save(app, tab, savedAs, isQuiet = false) {
  const name = savedAs ?? await askText(t("Save the workflow as"), tab.name, t("Save"));
  if (name === null) return;
  if (name !== tab.name && tab === app.workspace.active) app.store.run("Rename workflow", (change) => setName(change, name));
  const { json, saved } = app.workspace.saving(tab);
  try {
    saved(name, await saveWorkflow(name, json, name === tab.savedAs ? tab.revision : null));
  } catch (error) {
    if (!(error instanceof Conflict)) throw error;
    const { resolveConflict } = await import("../ui/conflict.js");
    return resolveConflict(app, tab, name, json);
  }
  settle(app, tab);
  if (!isQuiet) toast(t("Saved as “{name}”", { name }), { kind: "good", name: "saved" });
}

/** What was saved needs no draft on the server. @param {App} app @param {Tab} tab */
export function settle({ drafts }, tab) {
  drafts.touch(tab.id);
  if (!tab.isDirty) drafts.settle(tab.id);
}

/** @param {App} app */
async function openSaved(app) {
  const saved = await listWorkflows();
  if (saved.length === 0) return toast(t("No workflow is saved on the server yet."));
  saved.sort((one, other) => other.modified - one.modified);
  const choices = saved.map(({ name, modified }) =>
    ({ item: name, label: name, note: new Date(modified).toLocaleString(), fields: [folded(name)] }));
  openPalette({ x: innerWidth / 2 - 200, y: 90, placeholder: t("Open a workflow"), hint: t("Enter opens it"), choices }, (name) =>
    void tell(app.openSaved(name)));
}

/** @param {App} app @param {readonly File[]} files @param {[number, number] | null} at where they were dropped, on the canvas */
async function openFiles(app, files, at) {
  if (files.length > 0) await (await import("./media.js")).openFiles(app, files, at);
}

/** Listens for files that are dropped on the page. @param {App} app */
export function listenToDrops(app) {
  app.view.stage.dataset.drop = t("Drop a picture or a workflow");
  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("is-dropping");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("is-dropping");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("is-dropping");
    const box = app.view.stage.getBoundingClientRect();
    const at = app.view.camera.toWorld(event.clientX - box.left, event.clientY - box.top);
    const files = [...event.dataTransfer?.files ?? []];
    const address = event.dataTransfer?.getData("text/uri-list") ?? "";
    if (files.length > 0 || address === "") return void tell(openFiles(app, files, at));
    void tell(import("./addresses.js").then(({ openAddress }) => openAddress(app, address, at)));
  });
}
