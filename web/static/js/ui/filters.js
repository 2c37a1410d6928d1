/** Drop-downs that narrow a list of node types. */

/** @import { Filters } from "../model/library.js" */

import { t } from "../words.js";
import { make } from "./dom.js";

/**
 * A row of drop-downs; `changed` hears every choice.
 * @param {{inputs: readonly string[], outputs: readonly string[], sources: readonly string[]}} choices
 * @param {(filters: Filters) => void} changed
 * @returns {HTMLElement}
 */
export function filterRow({ inputs, outputs, sources }, changed) {
  /** @type {Filters} */
  const filters = {};
  const field = (/** @type {keyof Filters} */ name, /** @type {string} */ label, /** @type {readonly string[]} */ options) =>
    make("select", {
      "aria-label": label, title: label,
      onchange: (/** @type {Event} */ event) => {
        const chosen = /** @type {HTMLSelectElement} */ (event.target);
        filters[name] = chosen.value;
        chosen.classList.toggle("is-set", chosen.value !== "");
        changed({ ...filters });
      },
    }, make("option", { value: "" }, label), ...options.map((value) => make("option", { value }, value)));
  return make("div", { className: "filters" }, field("input", t("Takes"), inputs), field("output", t("Gives"), outputs),
    ...(sources.length > 1 ? [field("source", t("From"), sources)] : []));
}
