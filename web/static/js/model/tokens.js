/** Names of files that say when and how they were made: `%date:yyyy-MM-dd%` and `%Node.widget%`. */

/** @import { Graph } from "./document.js" */
/** @import { Definitions } from "./types.js" */

import { titleOf } from "./slots.js";

/** What the server fills in itself. */
const SERVER = new Set(["width", "height", "year", "month", "day", "hour", "minute", "second"]);

/**
 * The text with its tokens replaced; a token that means nothing here stays as it is.
 * @param {string} text @param {Graph} graph @param {Definitions} definitions @param {Date} now
 * @returns {string}
 */
export function fillTokens(text, graph, definitions, now) {
  return text.replace(/%([^%]+)%/g, (whole, token) => {
    if (token.startsWith("date:")) return formatDate(token.slice(5), now);
    if (token === "date") return formatDate("yyyyMMddhhmmss", now);
    const dot = token.indexOf(".");
    if (dot < 1 || SERVER.has(token)) return whole;
    const value = valueOf(graph, definitions, token.slice(0, dot), token.slice(dot + 1));
    return value === undefined ? whole : String(value).replace(/[\u0000-\u001f/?<>\\:*|"]/g, "_");
  });
}

/** @param {Graph} graph @param {Definitions} definitions @param {string} name @param {string} widget @returns {any} */
function valueOf(graph, definitions, name, widget) {
  const nodes = [...graph.nodes.values()];
  const found = nodes.find((node) => node.kept.properties?.["Node name for S&R"] === name) ??
    nodes.find((node) => node.type === name) ?? nodes.find((node) => titleOf(definitions, node) === name);
  const value = found?.values[widget];
  return value === null || typeof value === "object" ? undefined : value;
}

/**
 * A date as its letters ask: yyyy yy MM M dd d hh h mm m ss s.
 * @param {string} pattern @param {Date} now
 * @returns {string}
 */
export function formatDate(pattern, now) {
  const numbers = { M: now.getMonth() + 1, d: now.getDate(), h: now.getHours(), m: now.getMinutes(), s: now.getSeconds() };
  const year = String(now.getFullYear());
  return pattern.replace(/yyyy|yy|([MdhHms])\1?/g, (letters) => {
    if (letters.startsWith("y")) return letters.length > 2 ? year : year.slice(2);
    const name = letters[0] === "H" ? "h" : letters[0];
    const number = numbers[/** @type {keyof typeof numbers} */ (name)];
    return String(number).padStart(letters.length, "0");
  });
}
