/** What the page does with its settings, and the dialog that changes them. */

/** @import { Settings } from "../engine/settings.js" */

import { optionsOf } from "../engine/settings.js";
import { t } from "../words.js";
import { openDialog } from "./dialogs.js";
import { make } from "./dom.js";

const THEME = "appearance.theme";

/**
 * Defines the settings of the page itself and obeys them.
 * @param {Settings} settings
 */
export function tendSettings(settings) {
  settings.define({
    id: THEME, label: t("Theme"), category: t("Appearance"), kind: "choice", fallback: "system",
    options: [
      { value: "system", label: t("Like the system") }, { value: "light", label: t("Light") }, { value: "dark", label: t("Dark") },
    ],
  });
  applyTheme(settings.get(THEME));
  settings.listen(THEME, applyTheme);
  addEventListener("storage", (event) => settings.followMirror(event.key));
  addEventListener("pagehide", () => void settings.flush());
  void settings.load().catch(() => undefined);
}

/** @param {string} theme */
function applyTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** @param {Settings} settings */
export function openSettings(settings) {
  const theme = /** @type {import("../engine/settings.js").Definition} */ (settings.definitions.get(THEME));
  const choices = optionsOf(theme).map(({ value, label }) => make("label", {}, make("input", {
    type: "radio", name: "theme", value, checked: settings.get(THEME) === value, onchange: () => settings.set(THEME, value),
  }), label));
  openDialog(t("Settings"), make("fieldset", {}, make("legend", {}, theme.category ?? ""), ...choices));
}
