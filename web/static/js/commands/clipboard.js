/** Copy, cut and paste: nodes as text on the system's clipboard, pictures and workflows from it. */

/** @import { App } from "../app.js" */
/** @import { Command } from "./registry.js" */

import { removeNodes } from "../model/commands.js";
import { parseJson, writeJson } from "../model/io/json.js";
import { readWorkflow } from "../model/io/read.js";
import { writeWorkflow } from "../model/io/write.js";
import { addPart, incomingOf, partOf } from "../model/parts.js";
import { tell, toast } from "../ui/toasts.js";
import { t } from "../words.js";

const MARK = "sfumato/nodes";
let remembered = "";

/** @param {App} app @returns {Command[]} */
export function clipboardCommands(app) {
  const isEnabled = () => app.view.selection.size > 0;
  return [
    { id: "copy", label: t("Copy"), run: () => void offer(copyText(app)), isEnabled },
    {
      id: "cut", label: t("Cut"), isEnabled, run: () => {
        void offer(copyText(app));
        app.store.run("Cut", (change) => removeNodes(change, [...app.view.selection]));
      },
    },
    { id: "paste", label: t("Paste"), run: async () => pasteText(app, await copied()) },
    {
      id: "paste-linked", label: t("Paste with links"), keys: ["ctrl+shift+v"],
      run: async () => pasteText(app, await copied(), true),
    },
  ];
}

/** @returns {Promise<string>} */
async function copied() {
  return await navigator.clipboard?.readText().catch(() => remembered) || remembered;
}

/** @param {string} text */
async function offer(text) {
  remembered = text;
  await navigator.clipboard?.writeText(text).catch(() => undefined);
}

/**
 * The selected nodes, and the links among them, as text.
 * @param {App} app
 * @returns {string}
 */
export function copyText(app) {
  const { store, view } = app;
  const part = partOf(store.document, store.graphId, view.selection);
  return writeJson({ format: MARK, workflow: writeWorkflow(part, store.catalogue), incoming: incomingOf(store.graph, view.selection) });
}

/**
 * Adds nodes from text, in the middle of what is in sight.
 * @param {App} app @param {string} text @param {boolean} keepLinks whether the copies are fed by what fed the originals
 */
export function pasteText(app, text, keepLinks = false) {
  let json;
  try {
    json = parseJson(text);
  } catch {
    return;
  }
  const { store, view } = app;
  const workflow = json?.format === MARK ? json.workflow : Array.isArray(json?.nodes) ? json : null;
  if (!workflow) return toast(t("What was copied holds no nodes."));
  const part = readWorkflow(workflow, store.catalogue).document;
  const nodes = [...part.root.nodes.values()];
  if (nodes.length === 0) return;
  const left = Math.min(...nodes.map((node) => node.position[0]));
  const top = Math.min(...nodes.map((node) => node.position[1]));
  const [x, y] = pastePlace(app);
  const incoming = keepLinks && Array.isArray(json.incoming) ? json.incoming : [];
  const ids = store.run("Paste", (change) =>
    addPart(change, store.catalogue, part, [Math.round(x - left), Math.round(y - top)], incoming));
  view.select(ids);
}

/** @param {App} app @returns {[number, number]} under the pointer when it is on the canvas, else in the middle */
function pastePlace(app) {
  const { view, lastPointer } = /** @type {App & {lastPointer?: [number, number]}} */ (app);
  const [x, y] = lastPointer ?? [view.width / 2 - 150, view.height / 2 - 100];
  return view.camera.toWorld(x, y);
}

/** @returns {boolean} whether keys go to a field or a dialog and not to the canvas */
export function isTyping() {
  const { activeElement } = document;
  return activeElement instanceof HTMLInputElement || activeElement instanceof HTMLTextAreaElement ||
    document.querySelector("dialog[open]") !== null || document.body.classList.contains("is-form");
}

/** Listens for the clipboard events of the browser. @param {App} app */
export function listenToClipboard(app) {
  app.view.stage.addEventListener("pointermove", (event) => {
    const box = app.view.stage.getBoundingClientRect();
    Object.assign(app, { lastPointer: [event.clientX - box.left, event.clientY - box.top] });
  });
  for (const name of /** @type {const} */ (["copy", "cut"])) {
    document.addEventListener(name, (event) => {
      if (isTyping() || app.view.selection.size === 0 || !getSelection()?.isCollapsed) return;
      remembered = copyText(app);
      event.clipboardData?.setData("text/plain", remembered);
      event.preventDefault();
      if (name === "cut") app.store.run("Cut", (change) => removeNodes(change, [...app.view.selection]));
    });
  }
  document.addEventListener("paste", (event) => {
    if (isTyping()) return;
    event.preventDefault();
    const [file] = event.clipboardData?.files ?? [];
    if (file) void tell(pasteFile(app, file));
    else pasteText(app, event.clipboardData?.getData("text/plain") || remembered);
  });
}

/** @param {App} app @param {File} file */
async function pasteFile(app, file) {
  const [id] = app.view.selection;
  const node = app.view.selection.size === 1 ? app.store.graph.nodes.get(id) : undefined;
  if (node && app.actions.uploadName(node)) await app.actions.putImage(node.id, file);
  else await (await import("./media.js")).openFile(app, file, null);
}
