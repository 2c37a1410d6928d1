/** Questions that need an answer before anything else, in real dialog elements. */

import { make } from "./dom.js";
import { loadStyle } from "./styles.js";
import { t } from "../words.js";

/**
 * Shows a dialog with any content.
 * @param {string} title @param {HTMLElement} content
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, content) {
  const dialog = make("dialog", { className: "dialog", "aria-label": title }, make("h2", {}, title), content);
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Asks for a line of text; null when it was cancelled.
 * @param {string} title @param {string} value @param {string} action
 * @returns {Promise<string | null>}
 */
export function askText(title, value, action) {
  return new Promise((resolve) => {
    const line = make("input", { type: "text", value, "aria-label": title });
    const form = make("form", { method: "dialog" }, line, make("div", { className: "actions" },
      make("button", { type: "button", onclick: () => dialog.close() }, t("Cancel")),
      make("button", { type: "submit", className: "primary" }, action)));
    /** @type {string | null} */
    let answer = null;
    form.addEventListener("submit", () => (answer = line.value.trim() || null));
    const dialog = openDialog(title, form);
    dialog.addEventListener("close", () => resolve(answer));
    line.select();
  });
}

/**
 * Asks a question that is answered with one of some words; null when it was cancelled.
 * @param {string} title @param {string} text @param {readonly string[]} answers the first is the usual one
 * @returns {Promise<string | null>}
 */
export function askChoice(title, text, answers) {
  return new Promise((resolve) => {
    /** @type {string | null} */
    let answer = null;
    const buttons = answers.map((word, index) => make("button", {
      type: "button", className: index === 0 ? "primary" : "", onclick: () => {
        answer = word;
        dialog.close();
      },
    }, word));
    const content = make("div", {}, make("p", {}, text), make("div", { className: "actions" },
      make("button", { type: "button", onclick: () => dialog.close() }, t("Cancel")), ...buttons.reverse()));
    const dialog = openDialog(title, content);
    dialog.addEventListener("close", () => resolve(answer));
  });
}

/**
 * Shows pictures at their full size, one after the other.
 * @param {readonly string[]} urls @param {number} start
 */
export async function openLightbox(urls, start = 0) {
  const [lightbox] = await Promise.all([import("./lightbox.js"), loadStyle("side.css")]);
  lightbox.openLightbox(urls.map((url) => ({ url })), start);
}
