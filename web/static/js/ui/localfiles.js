/** Files of this computer: chosen, or saved. */

import { t } from "../words.js";
import { make } from "./dom.js";

/**
 * Asks for files.
 * @param {string} accept endings or types, all where it is empty @param {boolean} multiple
 * @returns {Promise<File[]>} none where none was chosen
 */
export function chooseFiles(accept, multiple = false) {
  return new Promise((resolve) => {
    const field = make("input", { type: "file", accept, multiple });
    field.addEventListener("change", () => resolve([...field.files ?? []]));
    field.addEventListener("cancel", () => resolve([]));
    field.click();
  });
}

/** Asks for a JSON file; throws with a sentence where it is none. @returns {Promise<{name: string, json: any} | null>} null where none was chosen */
export async function chooseJson() {
  const [file] = await chooseFiles(".json");
  if (!file) return null;
  const text = await file.text();
  try {
    return { name: file.name.replace(/\.json$/i, ""), json: JSON.parse(text) };
  } catch {
    throw new Error(t("This file is not valid JSON."));
  }
}

/** @param {string} name @param {string} text JSON */
export function saveFile(name, text) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: name.replace(/[/\\:*?"<>|]/g, "_") });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
