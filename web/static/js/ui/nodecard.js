/** What a node type looks like, with its sockets and values, to be shown beside a list of types. */

/** @import { Definition } from "../model/types.js" */

import { typeColour } from "../canvas/theme.js";
import { sourceOf } from "../model/library.js";
import { t } from "../words.js";
import { make } from "./dom.js";

const MOST_ROWS = 12;

/**
 * A card; it takes no presses.
 * @param {Definition} definition
 * @returns {HTMLElement}
 */
export function nodeCard(definition) {
  const isDark = getComputedStyle(document.documentElement).getPropertyValue("--is-dark").trim() === "1";
  const dot = (/** @type {string} */ type) => {
    const mark = make("span", { className: "card-dot" });
    mark.style.background = typeColour(type, isDark);
    return mark;
  };
  const sockets = definition.inputs.filter((input) => !input.widget);
  const widgets = definition.inputs.filter((input) => input.widget);
  const rows = Array.from({ length: Math.max(sockets.length, definition.outputs.length) }, (_none, index) => {
    const [input, output] = [sockets[index], definition.outputs[index]];
    return make("div", { className: "card-row" },
      make("span", { className: "card-in" }, ...(input ? [dot(input.type), input.label ?? input.name] : [])),
      make("span", { className: "card-out" }, ...(output ? [output.label ?? output.name, dot(output.type)] : [])));
  });
  const values = widgets.map((input) => make("div", { className: "card-value" },
    make("span", {}, input.label ?? input.name), make("span", {}, brief(input.widget?.fallback))));
  const hidden = Math.max(0, rows.length + values.length - MOST_ROWS);
  const marks = [definition.deprecated ? t("Deprecated") : "", definition.experimental ? t("Experimental") : ""].filter((word) => word !== "");
  return make("div", { className: "card" },
    make("div", { className: "card-node" }, make("div", { className: "card-title" }, definition.name),
      ...[...rows, ...values].slice(0, MOST_ROWS),
      hidden > 0 ? make("div", { className: "card-more" }, t("and {count} more", { count: hidden })) : null),
    definition.description ? make("p", {}, definition.description) : null,
    make("p", { className: "card-about" }, [definition.insert ? "" : definition.type, definition.category, whence(definition), ...marks].filter(Boolean).join("  ·  ")));
}

/** Where it comes from, in words. @param {Definition} definition @returns {string} */
export function whence(definition) {
  const source = sourceOf(definition);
  if (source === "page") return t("On the page only");
  return source === "subgraph" ? t("Subgraph of this workflow") : source;
}

/** @param {any} value @returns {string} */
function brief(value) {
  const text = String(value ?? "");
  return text.length > 24 ? `${text.slice(0, 23)}…` : text;
}
