/** What an extension declares beside its hooks: commands, keys, menus, settings, panels, badges. */

import { t } from "../js/words.js";
import { toast } from "../js/ui/toasts.js";
import { attempt, page } from "./page.js";
import { addSetting } from "./settings.js";

/** Keys as the page writes them. */
function keysOf({ combo }) {
  if (!combo) return null;
  return [combo.ctrl || combo.meta ? "ctrl" : null, combo.alt ? "alt" : null, combo.shift ? "shift" : null, String(combo.key).toLowerCase()].filter(Boolean).join("+");
}

/** @param {any} extension @param {string} pack */
export function declareExtension(extension, pack) {
  const { commands } = page.app;
  const keys = new Map();
  for (const binding of extension.keybindings ?? []) {
    const combination = keysOf(binding);
    if (combination === null || commands.byKeys.has(combination)) continue;
    keys.set(binding.commandId, [...keys.get(binding.commandId) ?? [], combination]);
  }
  for (const { id, label, function: run } of extension.commands ?? []) {
    if (commands.all.has(id)) continue;
    commands.add([{ id, label: typeof label === "function" ? label() : label ?? id, keys: keys.get(id) ?? [], run: () => void attempt(`command ${id}`, run, pack) }]);
  }
  for (const setting of extension.settings ?? []) attempt(`setting ${setting.id}`, () => addSetting(setting, pack), pack);
  for (const tab of extension.bottomPanelTabs ?? []) attempt(`panel ${tab.id}`, () => addPanel(page.app.bottom, tab, pack), pack);
  for (const { commands: ids = [] } of extension.menuCommands ?? []) {
    const missing = ids.filter((/** @type {string} */ id) => !commands.all.has(id));
    for (const id of missing) page.reports.lack(pack, t("the command {id}", { id }));
  }
  for (const { text, label, tooltip, onClick } of [...extension.topbarBadges ?? [], ...extension.actionBarButtons ?? []]) {
    if (typeof onClick !== "function") continue;
    const name = label ?? text ?? tooltip;
    commands.add([{ id: `${pack}.${name}`, label: name, run: () => void attempt(name, onClick, pack) }]);
  }
}

/** @param {any} dock @param {any} tab as the ecosystem describes it @param {string} pack */
export function addPanel(dock, tab, pack) {
  const { id, title, label, render, destroy, type } = tab;
  if (type !== undefined && type !== "custom") page.reports.lack(pack, `a panel of type ${type}`);
  if (typeof render !== "function") return { dispose: () => undefined };
  return dock.add({
    id, title: title ?? label ?? tab.tooltip ?? id, icon: "M4 4h12v12h-12zM4 8h12", render: (/** @type {HTMLElement} */ element) => {
      attempt(`panel ${id}`, () => render(element), pack);
      return () => void (typeof destroy === "function" && attempt(`panel ${id}`, () => destroy(), pack));
    },
  });
}

/** @param {any} message as the ecosystem's toasts are described */
export function addToast({ severity = "info", summary = "", detail = "", life }) {
  toast([summary, detail].filter(Boolean).join(": "), {
    kind: ["error", "warn"].includes(severity) ? "bad" : severity === "success" ? "good" : "plain", ...(life ? { seconds: life / 1000 } : {}),
  });
}
