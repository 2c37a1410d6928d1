/** What can be done with the tabs of open workflows. */

/** @import { App } from "../app.js" */
/** @import { Tab } from "../engine/workspace.js" */
/** @import { Command } from "./registry.js" */

import { setName } from "../model/commands.js";
import { starterDocument } from "../model/starter.js";
import { t } from "../words.js";
import { askChoice, askText } from "../ui/dialogs.js";
import { toast } from "../ui/toasts.js";

/** @param {App} app @returns {Command[]} */
export function tabCommands(app) {
  const { workspace } = app;
  const after = () => workspace.tabs.slice(workspace.tabs.indexOf(workspace.active) + 1);
  const before = () => workspace.tabs.slice(0, workspace.tabs.indexOf(workspace.active));
  const others = () => workspace.tabs.filter((tab) => tab !== workspace.active);
  return [
    { id: "new", label: t("New workflow"), keys: ["alt+n"], run: () => void app.open(starterDocument(app.store.catalogue), workspace.newName()) },
    { id: "close-tab", label: t("Close the tab"), keys: ["alt+w"], run: () => void closeTab(app, workspace.active) },
    { id: "close-others", label: t("Close the other tabs"), isEnabled: () => others().length > 0, run: () => closeAll(app, others()) },
    { id: "close-left", label: t("Close the tabs to the left"), isEnabled: () => before().length > 0, run: () => closeAll(app, before()) },
    { id: "close-right", label: t("Close the tabs to the right"), isEnabled: () => after().length > 0, run: () => closeAll(app, after()) },
    {
      id: "reopen-tab", label: t("Reopen the closed tab"), keys: ["alt+shift+t"], isEnabled: () => workspace.closed.length > 0,
      run: () => {
        const tab = workspace.reopen();
        if (tab) app.drafts.touch(tab.id);
      },
    },
    {
      id: "duplicate-tab", label: t("Duplicate the workflow"), run: () => {
        const tab = workspace.duplicate(workspace.active, t("{name} copy", { name: app.name }));
        app.drafts.touch(tab.id);
      },
    },
    { id: "next-tab", label: t("Next tab"), keys: ["alt+pagedown"], scope: "page", run: () => workspace.step(1) },
    { id: "previous-tab", label: t("Previous tab"), keys: ["alt+pageup"], scope: "page", run: () => workspace.step(-1) },
    {
      id: "rename-workflow", label: t("Rename the workflow…"), run: async () => {
        const name = await askText(t("Name of the workflow"), app.name, t("Rename"));
        if (name !== null && name !== app.name) app.store.run("Rename workflow", (change) => setName(change, name));
      },
    },
  ];
}

/** @param {App} app @param {readonly Tab[]} tabs */
function closeAll(app, tabs) {
  for (const tab of tabs) closeKept(app, tab);
  toast(tabs.length === 1 ? t("1 tab was closed") : t("{count} tabs were closed", { count: tabs.length }), { name: "closed" });
}

/**
 * Closes a tab. What was not saved stays as a draft; only where no draft can be kept it is asked before.
 * @param {App} app @param {Tab} tab
 */
export async function closeTab(app, tab) {
  const { browser, server } = app.drafts.problems;
  if (tab.isDirty && app.settings.get("files.ask")) {
    const text = t("“{name}” is not saved. Its draft is kept and can be opened again.", { name: tab.name });
    if (await askChoice(t("Close the tab?"), text, [t("Close")]) === null) return;
  }
  if (tab.isDirty && browser !== null && server !== null) {
    const text = t("“{name}” is not saved, and drafts cannot be kept now: {reason}", { name: tab.name, reason: browser });
    if (await askChoice(t("Lose these changes?"), text, [t("Close all the same")]) === null) return;
  }
  const isDirty = closeKept(app, tab);
  const reopen = { label: t("Reopen"), run: () => app.commands.run("reopen-tab") };
  if (isDirty) toast(t("“{name}” was closed; its draft is kept.", { name: tab.name }), { name: "closed", action: reopen });
}

/** @param {App} app @param {Tab} tab @returns {boolean} whether it held unsaved work */
function closeKept({ workspace, drafts }, tab) {
  const isDirty = tab.isDirty;
  const draft = workspace.close(tab, Date.now());
  if (draft) drafts.touch(tab.id);
  return isDirty;
}
