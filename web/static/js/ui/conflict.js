/** What to do when somebody else has saved a workflow since it was read: nothing is lost, whatever is chosen. */

/** @import { App } from "../app.js" */
/** @import { Tab } from "../engine/workspace.js" */

import { settle } from "../commands/files.js";
import { ApiError } from "../engine/api.js";
import { Conflict, loadWorkflow, saveWorkflow } from "../engine/kept.js";
import { openJson } from "../model/io/open.js";
import { t } from "../words.js";
import { openDialog } from "./dialogs.js";
import { differenceList } from "./differences.js";
import { make } from "./dom.js";
import { toast } from "./toasts.js";

/** @typedef {"both" | "theirs" | "overwrite"} Choice */

/**
 * Shows what differs and does what is chosen.
 * @param {App} app @param {Tab} tab @param {string} name under which both want to be saved @param {any} json what was to be saved
 */
export async function resolveConflict(app, tab, name, json) {
  const theirs = await loadWorkflow(name).catch((error) => {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  });
  if (theirs === null) return finish(app, tab, name, null);
  const catalogue = app.store.catalogue;
  const opened = openJson(theirs.json, catalogue);
  const list = differenceList(opened.document, openJson(json, catalogue).document, catalogue);
  const choice = await ask(name, tab.savedAs === name, list);
  if (choice === "both") return keepBoth(app, tab, name);
  if (choice === "overwrite") return finish(app, tab, name, theirs.revision);
  if (choice !== "theirs") return;
  const draft = app.workspace.close(tab, Date.now());
  if (draft) app.drafts.touch(tab.id);
  app.open(opened.document, name, { doubts: opened.doubts, savedAs: name, revision: theirs.revision });
  toast(t("Yours is kept as a draft."), { name: "saved", action: { label: t("Reopen"), run: () => app.commands.run("reopen-tab") } });
}

/** @param {string} name @param {boolean} isOwn whether it was read from there @param {HTMLElement} list @returns {Promise<Choice | null>} */
function ask(name, isOwn, list) {
  return new Promise((resolve) => {
    /** @type {Choice | null} */
    let answer = null;
    const button = (/** @type {Choice} */ choice, /** @type {string} */ word, /** @type {string} */ className) => make("button", {
      type: "button", className, onclick: () => {
        answer = choice;
        dialog.close();
      },
    }, word);
    const text = isOwn ? t("“{name}” was saved elsewhere since you opened it. Your version differs from it in this:", { name })
      : t("There is already a workflow called “{name}”. Yours differs from it in this:", { name });
    const content = make("div", { className: "conflict" }, make("p", {}, text), list, make("div", { className: "actions" },
      make("button", { type: "button", onclick: () => dialog.close() }, t("Cancel")), button("theirs", t("Take theirs"), ""),
      button("overwrite", t("Overwrite theirs"), ""), button("both", t("Keep both"), "primary")));
    const dialog = openDialog(isOwn ? t("Somebody else saved this") : t("That name is taken"), content);
    dialog.classList.add("is-broad");
    dialog.addEventListener("close", () => resolve(answer));
  });
}

/** @param {App} app @param {Tab} tab @param {string} name */
async function keepBoth(app, tab, name) {
  for (let number = 2; ; number += 1) {
    try {
      return await finish(app, tab, `${name} (${number})`, null);
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
    }
  }
}

/** @param {App} app @param {Tab} tab @param {string} name @param {string | null} revision */
async function finish(app, tab, name, revision) {
  const { json, saved } = app.workspace.saving(tab);
  saved(name, await saveWorkflow(name, json, revision));
  settle(app, tab);
  toast(t("Saved as “{name}”", { name }), { kind: "good", name: "saved" });
}
