/** Files of this computer: chosen, or saved. */

import { make } from "./dom.js";

/** @param {string} accept endings or types @returns {Promise<File | null>} null where none was chosen */
export function chooseFile(accept) {
  return new Promise((resolve) => {
    const field = make("input", { type: "file", accept });
    field.addEventListener("change", () => resolve(field.files?.[0] ?? null));
    field.addEventListener("cancel", () => resolve(null));
    field.click();
  });
}

/** @param {string} name @param {string} text */
export function saveFile(name, text) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: name.replace(/[/\\:*?"<>|]/g, "_") });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
