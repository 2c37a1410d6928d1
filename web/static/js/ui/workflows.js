/** The saved workflows and the drafts, to open, rename, look at earlier versions of, or delete. */

/** @import { App } from "../app.js" */
/** @import { Saved } from "../engine/kept.js" */

import { dropDraft } from "../engine/api.js";
import { listWorkflows } from "../engine/kept.js";
import { deleteWorkflow, listDrafts, loadDraft, loadVersion, listVersions, moveWorkflow } from "../engine/shelf.js";
import { openJson } from "../model/io/open.js";
import { reasonOf, t } from "../words.js";
import { askText } from "./dialogs.js";
import { make, refill } from "./dom.js";
import { openMenu } from "./menu.js";
import { newest } from "./newest.js";
import { defineMarks, star, toggleMark } from "./star.js";
import { thumbnail } from "./thumbnails.js";
import { tell, toast } from "./toasts.js";

const MARKED = "workflows.marked";

/** Makes the panel. @param {App} app @param {HTMLElement} element @returns {() => void} */
export function renderWorkflows(app, element) {
  const search = make("input", { className: "search", type: "search", placeholder: t("Search"), "aria-label": t("Search the workflows") });
  const rows = make("div", { className: "file-list" });
  defineMarks(app.settings, MARKED);
  element.classList.add("workflows");
  element.append(search, rows);
  /** @type {readonly Saved[]} */
  let saved = [];
  /** @type {readonly (Record<string, any> & {id: string, modified: number})[]} */
  let drafts = [];
  const fill = () => {
    const wanted = search.value.trim().toLowerCase();
    const fits = (/** @type {string} */ name) => name.toLowerCase().includes(wanted);
    const own = new Set(app.workspace.tabs.map((tab) => tab.id));
    const others = drafts.filter((draft) => !own.has(draft.id) && fits(String(draft.name ?? "")));
    const marked = saved.filter(({ name }) => app.settings.get(MARKED).includes(name) && fits(name));
    refill(rows, () => rows.replaceChildren(
      ...(marked.length > 0 ? [make("h3", {}, t("Bookmarks")), ...marked.map((one) => row(app, one, load))] : []),
      ...(marked.length > 0 ? [make("h3", {}, t("All"))] : []),
      ...folders(saved.filter(({ name }) => fits(name)), (one) => row(app, one, load)),
      ...(saved.length === 0 ? [make("p", { className: "hint" }, t("No workflow is saved on the server yet."))] : []),
      ...(others.length > 0 ? [make("h3", {}, t("Drafts that were not saved")), ...others.map((draft) => draftRow(app, draft, load))] : []),
    ));
  };
  const newestOf = newest();
  const load = async () => {
    try {
      const found = await newestOf(Promise.all([listWorkflows(), listDrafts()]));
      if (found === null) return;
      [saved, drafts] = found;
      fill();
    } catch (error) {
      rows.replaceChildren(make("p", { className: "hint" }, reasonOf(error)));
    }
  };
  search.addEventListener("input", fill);
  const unmark = app.settings.listen(MARKED, fill);
  app.workspace.saves.add(load);
  void load();
  return () => {
    unmark();
    app.workspace.saves.delete(load);
  };
}

/**
 * Rows below the names of their folders.
 * @param {readonly Saved[]} saved @param {(one: Saved) => HTMLElement} render
 * @returns {HTMLElement[]}
 */
function folders(saved, render) {
  /** @type {Map<string, Saved[]>} */
  const found = new Map();
  for (const one of [...saved].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }))) {
    const folder = one.name.includes("/") ? one.name.slice(0, one.name.lastIndexOf("/")) : "";
    found.set(folder, [...found.get(folder) ?? [], one]);
  }
  return [...found].sort(([one], [other]) => one.localeCompare(other))
    .flatMap(([folder, ones]) => [...(folder === "" ? [] : [make("h3", {}, folder)]), ...ones.map(render)]);
}

/** @param {App} app @param {Saved} one @param {() => Promise<void>} reload @returns {HTMLElement} */
function row(app, one, reload) {
  const open = () => void tell(app.openSaved(one.name));
  const menu = (/** @type {number} */ x, /** @type {number} */ y) => openMenu(x, y, [
    { label: t("Open"), run: open },
    { label: t("Add to the open workflow"), run: () => void tell(app.insertSaved(one.name)) },
    { label: app.settings.get(MARKED).includes(one.name) ? t("Remove the bookmark") : t("Bookmark"), run: () => toggleMark(app.settings, MARKED, one.name) },
    { label: t("Rename…"), run: () => void tell(rename(app, one.name).then(reload)) },
    null,
    { label: t("Delete"), run: () => void tell(remove(app, one.name).then(reload)) },
  ]);
  return make("div", { className: "file-row" }, make("button", {
    type: "button", className: "file is-drawn", title: one.name, onclick: open, oncontextmenu: (/** @type {MouseEvent} */ event) => {
      event.preventDefault();
      menu(event.clientX, event.clientY);
    },
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "F2") void tell(rename(app, one.name).then(reload));
      else if (event.key === "Delete") void tell(remove(app, one.name).then(reload));
    },
  }, thumbnail(one.name, one.modified), make("span", { className: "file-about" },
    make("span", { className: "label" }, one.name.slice(one.name.lastIndexOf("/") + 1)),
    make("span", { className: "note" }, new Date(one.modified).toLocaleDateString()))), star(app.settings, MARKED, one.name, one.name));
}

/**
 * @param {App} app @param {Record<string, any> & {id: string, modified: number}} draft @param {() => Promise<void>} reload
 * @returns {HTMLElement}
 */
function draftRow(app, draft, reload) {
  const open = async () => {
    const { workflow } = await loadDraft(draft.id);
    const { document, doubts } = openJson(workflow, app.store.catalogue);
    app.open(document, String(draft.name ?? ""), { doubts, isDirty: true });
  };
  const forget = () => void tell(dropDraft(draft.id).then(reload));
  const when = new Date(draft.modified).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
  return make("button", {
    type: "button", className: "file", onclick: () => void tell(open()), oncontextmenu: (/** @type {MouseEvent} */ event) => {
      event.preventDefault();
      openMenu(event.clientX, event.clientY, [{ label: t("Open"), run: () => void tell(open()) }, null, { label: t("Forget"), run: forget }]);
    },
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Delete") forget();
    },
  }, make("span", { className: "label" }, String(draft.name ?? "")), make("span", { className: "note" }, when));
}

/** @param {App} app @param {string} name */
async function rename(app, name) {
  const other = await askText(t("New name; “/” makes folders"), name, t("Rename"));
  if (other === null || other === name) return;
  await moveWorkflow(name, other);
  for (const tab of app.workspace.tabs) if (tab.savedAs === name) tab.savedAs = other;
  app.settings.set(MARKED, app.settings.get(MARKED).map((/** @type {string} */ one) => (one === name ? other : one)));
}

/** Deletes a workflow; the server keeps its versions, so that it can be brought back. @param {App} app @param {string} name */
async function remove(app, name) {
  await deleteWorkflow(name);
  for (const tab of app.workspace.tabs) {
    if (tab.savedAs === name) Object.assign(tab, { savedAs: null, revision: null, wasDirty: true });
  }
  app.workspace.tell();
  toast(t("“{name}” was deleted.", { name }), { name: "deleted", action: { label: t("Bring it back"), run: () => void tell(bringBack(app, name)) } });
}

/** @param {App} app @param {string} name */
async function bringBack(app, name) {
  const [latest] = await listVersions(name);
  if (!latest) throw new Error(t("No version of “{name}” was kept.", { name }));
  const { document, doubts } = openJson(await loadVersion(name, latest.id), app.store.catalogue);
  app.open(document, name, { doubts, isDirty: true });
  app.commands.run("save");
}
