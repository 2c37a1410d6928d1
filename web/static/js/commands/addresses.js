/** Addresses that are dropped on the page: those of this server are opened, no other is asked for anything. */

/** @import { App } from "../app.js" */

import { t } from "../words.js";
import { openFiles } from "./media.js";

/**
 * Opens what an address of this server leads to; throws what is wrong with any other.
 * @param {App} app @param {string} list of addresses as a drag holds it, one a line @param {[number, number] | null} at on the canvas
 */
export async function openAddress(app, list, at) {
  const url = addressOf(list, document.baseURI);
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(t("{address} cannot be opened: the server says {status}.", { address: url.pathname, status: answer.status }));
  const content = await answer.blob();
  await openFiles(app, [new File([content], nameOf(url), { type: content.type })], at);
}

/**
 * The first address of a list; throws unless it is one of the page's own server.
 * @param {string} list @param {string} base the address of the page
 * @returns {URL}
 */
export function addressOf(list, base) {
  const line = list.split(/\r?\n/).find((one) => one.trim() !== "" && !one.startsWith("#"))?.trim() ?? "";
  const url = URL.canParse(line, base) ? new URL(line, base) : null;
  if (url === null || line === "") throw new Error(t("“{text}” is no address.", { text: line }));
  if (url.origin !== new URL(base).origin) {
    const host = url.host || url.protocol;
    throw new Error(t("Only addresses of this server are opened, and {host} is elsewhere. Save the file on this computer and drop it here.", { host }));
  }
  return url;
}

/** What the file of an address is called. @param {URL} url @returns {string} */
export function nameOf(url) {
  const named = url.searchParams.get("filename") ?? url.searchParams.get("name") ?? decodeURIComponent(url.pathname);
  return named.slice(named.lastIndexOf("/") + 1) || "file";
}
