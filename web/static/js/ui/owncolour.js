/** A colour that is not among the usual ones. */

import { t } from "../words.js";
import { openDialog } from "./dialogs.js";
import { make } from "./dom.js";

const USUAL = "#808080";

/**
 * Asks for any colour; null when it was cancelled.
 * @param {string | null} now
 * @returns {Promise<string | null>} as #rrggbb
 */
export function askColour(now) {
  return new Promise((resolve) => {
    const value = /^#[0-9a-f]{6}$/i.test(now ?? "") ? String(now).toLowerCase() : USUAL;
    const field = make("input", { type: "color", value, "aria-label": t("Colour") });
    const line = make("input", { type: "text", value, "aria-label": t("Colour as #rrggbb"), spellcheck: false, pattern: "#[0-9a-fA-F]{6}", required: true });
    field.addEventListener("input", () => (line.value = field.value));
    line.addEventListener("input", () => {
      if (line.validity.valid) field.value = line.value.toLowerCase();
    });
    const form = make("form", { method: "dialog", className: "own-colour" }, make("div", { className: "own-colour-row" }, field, line),
      make("div", { className: "actions" }, make("button", { type: "button", onclick: () => dialog.close() }, t("Cancel")),
        make("button", { type: "submit", className: "primary" }, t("Take it"))));
    /** @type {string | null} */
    let answer = null;
    form.addEventListener("submit", () => (answer = line.value.toLowerCase()));
    const dialog = openDialog(t("Colour"), form);
    dialog.addEventListener("close", () => resolve(answer));
    line.select();
  });
}
