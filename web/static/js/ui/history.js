/** Earlier versions of a saved workflow: when they were, what has changed since, and the way back. */

/** @import { App } from "../app.js" */
/** @import { Version } from "../engine/shelf.js" */

import { listVersions, loadVersion } from "../engine/shelf.js";
import { openJson } from "../model/io/open.js";
import { t } from "../words.js";
import { openDialog } from "./dialogs.js";
import { differenceList } from "./differences.js";
import { make } from "./dom.js";

/** Opens the list for the workflow on screen. @param {App} app */
export async function openVersions(app) {
  const name = app.savedAs;
  if (name === null) return;
  const versions = await listVersions(name);
  const about = make("div", { className: "version-about" }, make("p", {}, versions.length === 0
    ? t("There is no earlier version: this workflow was saved once.") : t("Choose a version to see what has changed since.")));
  const list = make("div", { className: "version-list", role: "listbox", "aria-label": t("Versions") });
  const dialog = openDialog(t("Earlier versions of “{name}”", { name }), make("div", { className: "versions" }, list, about));
  dialog.classList.add("is-broad");
  for (const version of versions) {
    const row = make("button", {
      type: "button", className: "row", role: "option", "aria-selected": "false", onclick: () => {
        for (const other of list.children) other.setAttribute("aria-selected", String(other === row));
        void show(app, name, version, about, () => dialog.close());
      },
    }, new Date(version.modified).toLocaleString());
    list.append(row);
  }
}

/** @param {App} app @param {string} name @param {Version} version @param {HTMLElement} about @param {() => void} close */
async function show(app, name, version, about, close) {
  const json = await loadVersion(name, version.id);
  const { document, doubts } = openJson(json, app.store.catalogue);
  const present = openJson(app.workflow(), app.store.catalogue).document;
  const open = () => {
    close();
    app.open(document, t("{name} of {time}", { name, time: new Date(version.modified).toLocaleString() }), { doubts, isDirty: true });
  };
  const restore = () => {
    const tab = app.workspace.active;
    const { revision } = tab;
    const draft = app.workspace.close(tab, Date.now());
    if (draft) app.drafts.touch(tab.id);
    close();
    app.open(document, name, { doubts, isDirty: true, savedAs: name, revision });
  };
  about.replaceChildren(make("p", {}, t("Since then:")), differenceList(document, present, app.store.catalogue),
    make("div", { className: "actions" }, make("button", { type: "button", onclick: open }, t("Open in a tab")),
      make("button", { type: "button", className: "primary", onclick: restore }, t("Go back to this"))));
}
