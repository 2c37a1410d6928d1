/** The few settings of the page, kept in this browser. */

import { make } from "./dom.js";
import { openDialog } from "./dialogs.js";

/** @type {Record<string, string>} */
const DEFAULTS = { theme: "system" };

/** @param {string} name @returns {string} */
export function setting(name) {
  return localStorage.getItem(`sfumato.setting.${name}`) ?? DEFAULTS[name] ?? "";
}

/** Makes the page light or dark as the setting says. */
export function applyTheme() {
  const theme = setting("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

/** @param {() => void} onchange */
export function openSettings(onchange) {
  const choices = [["system", "Like the system"], ["light", "Light"], ["dark", "Dark"]].map(([value, label]) => {
    const radio = make("input", { type: "radio", name: "theme", value, checked: setting("theme") === value });
    radio.addEventListener("change", () => {
      localStorage.setItem("sfumato.setting.theme", value);
      applyTheme();
      onchange();
    });
    return make("label", {}, radio, label);
  });
  openDialog("Settings", make("fieldset", {}, make("legend", {}, "Appearance"), ...choices));
}
