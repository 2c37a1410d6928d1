/** Opening and saving: files, the server's folder of workflows, what is dropped or pasted on the page. */

/** @import { App } from "../app.js" */
/** @import { Tab } from "../engine/workspace.js" */
/** @import { Command } from "./registry.js" */

import { setName } from "../model/commands.js";
import { writeJson } from "../model/io/json.js";
import { Conflict, listWorkflows, saveWorkflow } from "../engine/kept.js";
import { t } from "../words.js";
import { askText } from "../ui/dialogs.js";
import { openPalette } from "../ui/palette.js";
import { toast } from "../ui/toasts.js";

/** @param {App} app @returns {Command[]} */
export function fileCommands(app) {
  const { workspace } = app;
  return [
    { id: "open-file", label: t("Open a file…"), keys: ["ctrl+o"], scope: "page", run: () => chooseFile(app) },
    { id: "open-server", label: t("Open a saved workflow…"), run: () => void guard(openSaved(app)) },
    { id: "save", label: t("Save"), keys: ["ctrl+s"], scope: "page", run: () => void guard(save(app, workspace.active, app.savedAs)) },
    { id: "save-as", label: t("Save as…"), keys: ["ctrl+shift+s"], scope: "page", run: () => void guard(save(app, workspace.active, null)) },
    {
      id: "versions", label: t("Earlier versions…"), isEnabled: () => app.savedAs !== null,
      run: () => void guard(import("../ui/history.js").then(({ openVersions }) => openVersions(app))),
    },
    { id: "download", label: t("Download as a file"), run: () => download(`${app.name}.json`, app.workflow()) },
    {
      id: "export-prompt", label: t("Download for the API"),
      run: () => void guard(exportPrompt(app)),
    },
  ];
}

/** @param {App} app */
async function exportPrompt(app) {
  const { writePrompt } = await import("../model/io/flatten.js");
  download(`${app.name}.api.json`, writePrompt(app.store.document, app.store.catalogue));
}

/** Lets a failure become a message. @param {Promise<unknown>} work */
export async function guard(work) {
  try {
    await work;
  } catch (error) {
    toast(error instanceof Error ? error.message : String(error), { kind: "bad" });
  }
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
    ({ item: name, label: name, note: new Date(modified).toLocaleString(), fields: [name.toLowerCase()] }));
  openPalette({ x: innerWidth / 2 - 200, y: 90, placeholder: t("Open a workflow"), hint: t("Enter opens it"), choices }, (name) =>
    void guard(app.openSaved(name)));
}

/** @param {string} name @param {any} json */
function download(name, json) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([writeJson(json, 2)], { type: "application/json" }));
  link.download = name.replace(/[/\\:*?"<>|]/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @param {App} app */
function chooseFile(app) {
  const field = document.createElement("input");
  field.type = "file";
  field.multiple = true;
  field.addEventListener("change", () => void guard(openFiles(app, [...field.files ?? []], null)));
  field.click();
}

/** @param {App} app @param {readonly File[]} files @param {[number, number] | null} at where they were dropped, on the canvas */
async function openFiles(app, files, at) {
  await (await import("./media.js")).openFiles(app, files, at);
}

/** Listens for files that are dropped on the page. @param {App} app */
export function listenToDrops(app) {
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
    const files = [...event.dataTransfer?.files ?? []];
    if (files.length === 0) return;
    const box = app.view.stage.getBoundingClientRect();
    const at = app.view.camera.toWorld(event.clientX - box.left, event.clientY - box.top);
    void guard(openFiles(app, files, at));
  });
}
