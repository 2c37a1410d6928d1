/** Small helpers that packs import from `scripts/utils.js`. */

import { uploadImage } from "../js/engine/api.js";
import { page } from "./page.js";

/** Adds a sheet of styles. @param {string} urlOrFile @param {string} [relativeTo] */
export function addStylesheet(urlOrFile, relativeTo) {
  const href = new URL(urlOrFile.endsWith(".js") ? `${urlOrFile.slice(0, -2)}css` : urlOrFile, relativeTo ?? document.baseURI).href;
  return new Promise((resolve, reject) => {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href, onload: resolve, onerror: reject });
    document.head.append(link);
  });
}

/** The text with `%Node name.widget%` filled in. @param {any} app @param {string} text */
export function applyTextReplacements(app, text) {
  const nodes = app?.graph?._nodes ?? page.host.rootGraph._nodes;
  return String(text).replace(/%([^%]+)%/g, (whole, name) => {
    const [title, key] = name.split(".");
    const node = nodes.find((/** @type {any} */ one) => one.properties?.["Node name for S&R"] === title) ?? nodes.find((/** @type {any} */ one) => one.title === title);
    const widget = node?.widgets?.find((/** @type {any} */ one) => one.name === key);
    return widget ? String(widget.value ?? "").replace(/[/?<>\\:*|"]/g, "_") : whole;
  });
}

/** @template T @param {T} value @returns {T} */
export function clone(value) {
  return structuredClone(value);
}

/** @param {string} name @param {Blob} blob */
export function downloadBlob(name, blob) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

/** @param {string} id */
export function getStorageValue(id) {
  return sessionStorage.getItem(id) ?? localStorage.getItem(id);
}

/** @param {string} id @param {string} value */
export function setStorageValue(id, value) {
  localStorage.setItem(id, value);
}

/**
 * A property that tells of its changes.
 * @param {any} target @param {string} name @param {any} value
 * @param {(value: any, before: any, target: any, name: string) => void} [onChanged]
 */
export function prop(target, name, value, onChanged) {
  let current = value;
  Object.defineProperty(target, name, {
    get: () => current,
    set(next) {
      const before = current;
      current = next;
      onChanged?.(next, before, target, name);
    },
  });
  return value;
}

/** @param {File} file */
export function uploadFile(file) {
  return uploadImage(file, file.name);
}
