/** Asks what a blueprint is called, what it does, and by which other words it is found. */

import { t } from "../words.js";
import { openDialog } from "./dialogs.js";
import { make } from "./dom.js";

/** @typedef {{name: string, description: string, aliases: readonly string[]}} About */

/**
 * Null when it was cancelled, or no name was given.
 * @param {About} before
 * @returns {Promise<About | null>}
 */
export function askBlueprint(before) {
  return new Promise((resolve) => {
    const name = make("input", { type: "text", value: before.name, required: true });
    const description = make("textarea", { rows: 3, value: before.description });
    const aliases = make("input", { type: "text", value: before.aliases.join(", ") });
    const field = (/** @type {string} */ label, /** @type {HTMLElement} */ input) => make("label", { className: "blueprint-field" }, make("span", {}, label), input);
    const form = make("form", { method: "dialog" }, field(t("Name of the blueprint; “/” makes folders"), name),
      field(t("What it does"), description), field(t("Other words to find it by, with commas"), aliases),
      make("div", { className: "actions" }, make("button", { type: "button", onclick: () => dialog.close() }, t("Cancel")),
        make("button", { type: "submit", className: "primary" }, t("Keep"))));
    /** @type {About | null} */
    let answer = null;
    form.addEventListener("submit", () => {
      const words = aliases.value.split(",").map((word) => word.trim()).filter((word) => word !== "");
      if (name.value.trim() !== "") answer = { name: name.value.trim(), description: description.value.trim(), aliases: words };
    });
    const dialog = openDialog(t("Keep the subgraph as a blueprint"), form);
    dialog.addEventListener("close", () => resolve(answer));
    name.select();
  });
}
