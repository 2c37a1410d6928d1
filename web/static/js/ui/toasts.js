/** Short messages at the foot of the page, read out by screen readers. */

import { byId, make } from "./dom.js";
import { reasonOf, t } from "../words.js";

/** @typedef {{kind?: "plain" | "good" | "bad", action?: {label: string, run: () => void}, name?: string, seconds?: number}} ToastOptions */

/** Takes away the messages of a name. @param {string} name */
export function dismiss(name) {
  for (const old of byId("toasts").querySelectorAll(`[data-name="${CSS.escape(name)}"]`)) old.remove();
}

/**
 * Shows a message; one with the same name takes the place of the one before.
 * @param {string} text @param {ToastOptions} options
 */
export function toast(text, { kind = "plain", action, name, seconds = kind === "bad" ? 9 : 5 } = {}) {
  const shelf = byId("toasts");
  if (name) dismiss(name);
  const slip = make("div", { className: `toast is-${kind}`, "data-name": name ?? "" }, make("span", {}, text));
  if (action) {
    slip.append(make("button", {
      type: "button", onclick: () => {
        slip.remove();
        action.run();
      },
    }, action.label));
  }
  slip.append(make("button", { type: "button", className: "close", "aria-label": t("Dismiss"), onclick: () => slip.remove() }, "×"));
  shelf.append(slip);
  while (shelf.childElementCount > 4) shelf.firstElementChild?.remove();
  void import("./toastplace.js").then(({ placeToasts }) => placeToasts());
  setTimeout(() => slip.remove(), seconds * 1000);
}

/** Lets a failure become a message. @param {Promise<unknown>} work @param {string} [name] of the message */
export async function tell(work, name) {
  await work.catch((error) => toast(reasonOf(error), { kind: "bad", ...(name ? { name } : {}) }));
}
