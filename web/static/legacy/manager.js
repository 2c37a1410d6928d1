/** `app.extensionManager`: panels, messages, dialogs, commands and settings as newer packs reach them. */

import { askChoice, askText } from "../js/ui/dialogs.js";
import { dismiss, toast } from "../js/ui/toasts.js";
import { packOf } from "../js/extensions/reports.js";
import { addPanel, addToast } from "./declared.js";
import { page, recording } from "./page.js";
import { getSetting, setSetting } from "./settings.js";

/** @returns {any} */
export function makeManager() {
  const { app, comfy } = page;
  const tabs = new Map();
  const said = (kind) => (text) => toast(String(text), { kind });
  const manager = {
    registerSidebarTab(tab) {
      tabs.set(tab.id, { tab, handle: addPanel(app.sidebar, tab, packOf() ?? undefined) });
    },
    unregisterSidebarTab(id) {
      tabs.get(id)?.handle.dispose();
      tabs.delete(id);
    },
    getSidebarTabs: () => [...tabs.values()].map(({ tab }) => tab),
    sidebarTab: recording({ get activeSidebarTabId() { return app.sidebar.opened; }, toggleSidebarTab: (id) => app.sidebar.toggle(id) }, "extensionManager.sidebarTab"),
    bottomPanel: recording({ toggleBottomPanel: () => undefined, registerBottomPanelTab: (tab) => addPanel(app.bottom, tab, packOf() ?? undefined) }, "extensionManager.bottomPanel"),
    toast: recording({
      add: addToast, addAlert: said("plain"), success: said("good"), error: said("bad"), info: said("plain"), warning: said("bad"), loading: said("plain"),
      remove: () => undefined, removeAll: () => document.querySelectorAll("#toasts [data-name]").forEach((slip) => dismiss(slip.getAttribute("data-name") ?? "")),
      dismiss: () => undefined,
    }, "extensionManager.toast"),
    dialog: recording({
      prompt: ({ title = "", message = "", defaultValue = "" }) => askText([title, message].filter(Boolean).join(": "), defaultValue, "OK"),
      confirm: async ({ title = "", message = "" }) => ((await askChoice(title, message, ["OK"])) === null ? null : true),
      showErrorDialog: (error) => comfy.ui.dialog.show(String(error?.message ?? error)),
    }, "extensionManager.dialog"),
    command: recording({ execute: async (id) => app.commands.run(id), get commands() { return [...app.commands.all.values()]; } }, "extensionManager.command"),
    setting: recording({ get: (id) => getSetting(id), set: async (id, value) => setSetting(id, value) }, "extensionManager.setting"),
    workflow: recording({
      get activeWorkflow() {
        return { path: `workflows/${app.name}.json`, filename: app.name, key: `${app.name}.json`, isModified: app.isDirty, activeState: app.workflow() };
      },
      get openWorkflows() {
        return [this.activeWorkflow];
      },
    }, "extensionManager.workflow"),
    get lastNodeErrors() {
      return comfy.lastNodeErrors;
    },
    get lastExecutionError() {
      return comfy.lastExecutionError;
    },
    get spinner() {
      return false;
    },
    set spinner(_isShown) {},
    get focusMode() {
      return false;
    },
    renderMarkdownToHtml: (text) => {
      const element = document.createElement("div");
      element.textContent = text;
      return element.getHTML?.() ?? text;
    },
  };
  return recording(manager, "app.extensionManager");
}
