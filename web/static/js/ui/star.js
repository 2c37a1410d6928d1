/** A star that marks what a person wants to find first; what is marked is a list in a setting. */

/** @import { Settings } from "../engine/settings.js" */

import { t } from "../words.js";
import { make } from "./dom.js";

/** Makes the setting known that holds what is marked. @param {Settings} settings @param {string} setting */
export function defineMarks(settings, setting) {
  if (!settings.definitions.has(setting)) settings.define({ id: setting, kind: "record", fallback: [] });
}

/** Marks something, or no more. @param {Settings} settings @param {string} setting @param {string} id */
export function toggleMark(settings, setting, id) {
  /** @type {readonly string[]} */
  const marked = settings.get(setting);
  settings.set(setting, marked.includes(id) ? marked.filter((one) => one !== id) : [...marked, id]);
}

/** @param {Settings} settings @param {string} setting @param {string} id @param {string} name @returns {HTMLElement} */
export function star(settings, setting, id, name) {
  const isMarked = settings.get(setting).includes(id);
  const label = isMarked ? t("Remove the bookmark of {name}", { name }) : t("Bookmark {name}", { name });
  return make("button", {
    type: "button", className: isMarked ? "star is-marked" : "star", title: label, "aria-label": label, "aria-pressed": String(isMarked), "data-focus": `star ${id}`,
    onpointerdown: (/** @type {Event} */ event) => event.stopPropagation(),
    onclick: (/** @type {Event} */ event) => {
      event.stopPropagation();
      toggleMark(settings, setting, id);
    },
  }, isMarked ? "★" : "☆");
}
