/** Opening and saving: files, the server's folder of workflows, what is dropped or pasted on the page. */

/** @import { App } from "../app.js" */
/** @import { Command } from "./registry.js" */
/** @import { Opened } from "../model/io/read.js" */

import { setName, setValue, addNode } from "../model/commands.js";
import { writeJson } from "../model/io/json.js";
import { openBytes, openJson } from "../model/io/open.js";
import { writePrompt } from "../model/io/flatten.js";
import { starterDocument } from "../model/starter.js";
import { ApiError, listWorkflows, loadWorkflow, saveWorkflow, uploadImage } from "../engine/api.js";
import { hitTest } from "../canvas/hit.js";
import { askChoice, askText } from "../ui/dialogs.js";
import { openPalette } from "../ui/palette.js";
import { toast } from "../ui/toasts.js";

/** @param {App} app @returns {Command[]} */
export function fileCommands(app) {
  return [
    { id: "new", label: "New workflow", run: () => void startNew(app) },
    { id: "open-file", label: "Open a file…", keys: ["ctrl+o"], scope: "page", run: () => chooseFile(app) },
    { id: "open-server", label: "Open a saved workflow…", keys: ["w"], run: () => void guard(openSaved(app)) },
    { id: "save", label: "Save", keys: ["ctrl+s"], scope: "page", run: () => void guard(save(app, app.savedAs)) },
    { id: "save-as", label: "Save as…", keys: ["ctrl+shift+s"], scope: "page", run: () => void guard(save(app, null)) },
    { id: "download", label: "Download as a file", run: () => download(`${app.name}.json`, app.workflow()) },
    {
      id: "export-prompt", label: "Download for the API",
      run: () => download(`${app.name}.api.json`, writePrompt(app.store.document, app.store.catalogue)),
    },
    {
      id: "rename-workflow", label: "Rename the workflow…", run: async () => {
        const name = await askText("Name of the workflow", app.name, "Rename");
        if (name !== null && name !== app.name) app.store.run("Rename workflow", (change) => setName(change, name));
      },
    },
  ];
}

/** @param {Promise<void>} work */
async function guard(work) {
  try {
    await work;
  } catch (error) {
    toast(error instanceof Error ? error.message : String(error), { kind: "bad" });
  }
}

/**
 * Asks before unsaved work leaves the screen.
 * @param {App} app
 * @returns {Promise<boolean>} whether to go on
 */
async function mayReplace(app) {
  if (!app.isDirty) return true;
  const answer = await askChoice("Replace what is open?", `“${app.name}” has changes that are not saved.`, ["Save first", "Replace"]);
  if (answer === "Save first") {
    await save(app, app.savedAs);
    return !app.isDirty;
  }
  return answer === "Replace";
}

/** @param {App} app */
async function startNew(app) {
  if (await mayReplace(app)) app.open(starterDocument(app.store.catalogue), "Untitled");
}

/** @param {App} app @param {string | null} savedAs */
async function save(app, savedAs) {
  const name = savedAs ?? await askText("Save the workflow as", app.name, "Save");
  if (name === null) return;
  try {
    if (name !== app.name) app.store.run("Rename workflow", (change) => setName(change, name));
    await saveWorkflow(name, app.workflow(), savedAs !== null);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
    if (await askChoice("Replace the saved workflow?", `There is already one called “${name}”.`, ["Replace"]) === null) return;
    await saveWorkflow(name, app.workflow(), true);
  }
  app.markSaved(name);
  toast(`Saved as “${name}”`, { kind: "good", name: "saved" });
}

/** @param {App} app */
async function openSaved(app) {
  const names = await listWorkflows();
  if (names.length === 0) return toast("No workflow is saved on the server yet.");
  const choices = names.map((name) => ({ item: name, label: name, note: "", fields: [name.toLowerCase()] }));
  openPalette({ x: innerWidth / 2 - 200, y: 90, placeholder: "Open a workflow", hint: "Enter opens it", choices }, (name) =>
    void guard((async () => {
      const json = await loadWorkflow(name);
      if (await mayReplace(app)) show(app, openJson(json, app.store.catalogue), name, name);
    })()));
}

/** @param {App} app @param {Opened} opened @param {string} name @param {string | null} savedAs */
function show(app, { document, doubts }, name, savedAs = null) {
  app.open(document, name, { doubts, savedAs });
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
  field.accept = ".json,.png,.webp,application/json,image/png,image/webp";
  field.addEventListener("change", () => {
    const [file] = field.files ?? [];
    if (file) void guard(openFile(app, file, null));
  });
  field.click();
}

/**
 * Opens a file: a workflow takes the place of the open one, a picture without one becomes a node that loads it.
 * @param {App} app @param {File} file @param {[number, number] | null} at where it was dropped, on the canvas
 */
export async function openFile(app, file, at) {
  const isPicture = file.type.startsWith("image/");
  const target = at && nodeAt(app, at);
  if (isPicture && target && app.actions.uploadName(target)) return app.actions.putImage(target.id, file);
  const buffer = await file.arrayBuffer();
  const isReadable = !isPicture || file.type === "image/png" || file.type === "image/webp";
  const opened = isReadable ? await openBytes(buffer, app.store.catalogue) : null;
  if (opened) {
    if (await mayReplace(app)) show(app, opened, file.name.replace(/(\.api)?\.[^.]+$/, ""));
    return;
  }
  await addPicture(app, file, at);
}

/** @param {App} app @param {[number, number]} at */
function nodeAt(app, at) {
  const hit = hitTest(app.view.scene, at, app.view.camera.scale);
  return "node" in hit ? hit.node : null;
}

/** @param {App} app @param {File} file @param {[number, number] | null} at */
async function addPicture(app, file, at) {
  const { store, view } = app;
  const definition = store.definitions.get("LoadImage");
  if (!definition) throw new Error("This picture carries no workflow, and there is no node that loads pictures.");
  const value = await uploadImage(file, file.name || "pasted.png");
  const place = at ?? view.camera.toWorld(view.width / 2 - 130, view.height / 2 - 120);
  const id = store.run("Add picture", (change) => {
    const node = addNode(change, definition, [Math.round(place[0]), Math.round(place[1])]);
    setValue(change, node.id, app.actions.uploadName(node) ?? "image", value);
    return node.id;
  });
  app.actions.offerOption("LoadImage", app.actions.uploadName(/** @type {any} */ (store.graph.nodes.get(id))) ?? "image", value);
  view.select([id]);
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
    const [file] = event.dataTransfer?.files ?? [];
    if (!file) return;
    const box = app.view.stage.getBoundingClientRect();
    const at = app.view.camera.toWorld(event.clientX - box.left, event.clientY - box.top);
    void guard(openFile(app, file, at));
  });
}
