/** Palettes of the ecosystem: read into the colours of this page, and written from them. */

import { t } from "../words.js";

/**
 * @typedef {Readonly<{id: string, name: string, isDark: boolean, colours: Readonly<Record<string, string>>, slots: Readonly<Record<string,
 * string>>}>} Palette
 */

/** What the ecosystem calls the colours that this page has, the first that a file holds. */
const FROM = /** @type {const} */ ({
  "--paper": ["litegraph_base.CLEAR_BACKGROUND_COLOR", "comfy_base.bg-color"], "--node": ["litegraph_base.NODE_DEFAULT_BGCOLOR"],
  "--node-title": ["litegraph_base.NODE_DEFAULT_COLOR"], "--node-title-far": ["litegraph_base.NODE_DEFAULT_COLOR"],
  "--line": ["comfy_base.border-color", "litegraph_base.WIDGET_OUTLINE_COLOR"], "--ink": ["litegraph_base.NODE_TITLE_COLOR", "comfy_base.fg-color"],
  "--soft": ["comfy_base.descrip-text", "litegraph_base.NODE_TEXT_COLOR"], "--faint": ["litegraph_base.WIDGET_SECONDARY_TEXT_COLOR", "comfy_base.descrip-text"],
  "--field": ["litegraph_base.WIDGET_BGCOLOR", "comfy_base.comfy-input-bg"], "--danger": ["comfy_base.error-text"],
  "--bar": ["comfy_base.comfy-menu-bg"], "--panel": ["comfy_base.comfy-menu-bg"], "--accent": ["litegraph_base.NODE_SELECTED_TITLE_COLOR"],
});
const COLOUR = /^(#[0-9a-f]{3,8}|rgba?\([\d\s.,%/]+\)|hsla?\([\d\s.,%/deg]+\)|[a-z]{3,20})$/i;
const MOST = 400;

/** @param {any} value @returns {string | null} */
function colourOf(value) {
  return typeof value === "string" && COLOUR.test(value.trim()) ? value.trim() : null;
}

/** How bright a colour is, from 0 to 1; null where it is not written in numbers. @param {string} colour @returns {number | null} */
export function brightness(colour) {
  const hex = /^#([0-9a-f]{3,8})$/i.exec(colour)?.[1];
  const short = hex && hex.length < 6 ? [...hex].map((digit) => digit + digit).join("") : hex;
  const parts = short ? [0, 2, 4].map((at) => Number.parseInt(short.slice(at, at + 2), 16))
    : /^rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)/i.exec(colour)?.slice(1).map(Number);
  return parts ? (0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]) / 255 : null;
}

/**
 * The palette in a file; throws with a sentence where it holds none.
 * @param {any} json
 * @returns {Palette}
 */
export function readPalette(json) {
  const groups = json?.colors;
  if (groups === null || typeof groups !== "object") throw new Error(t("This file holds no palette."));
  /** @type {Record<string, string>} */
  const colours = {};
  for (const [name, paths] of Object.entries(FROM)) {
    const found = paths.map((path) => colourOf(groups[path.split(".")[0]]?.[path.split(".")[1]])).find((colour) => colour !== null);
    if (found) colours[name] = found;
  }
  if (Object.keys(colours).length === 0) throw new Error(t("This file holds no colours that this page has."));
  const slots = Object.fromEntries(Object.entries(groups.node_slot ?? {}).slice(0, MOST).flatMap(([type, value]) => {
    const colour = colourOf(value);
    return colour ? [[type, colour]] : [];
  }));
  const ground = brightness(colours["--paper"] ?? "");
  const isDark = json.light_theme === true ? false : ground === null ? true : ground < 0.5;
  const name = typeof json.name === "string" && json.name.trim() !== "" ? json.name.trim().slice(0, 60) : "Palette";
  return { id: typeof json.id === "string" && json.id !== "" ? json.id.slice(0, 60) : name, name, isDark, colours, slots };
}

/**
 * A palette as the ecosystem has it, from the colours of this page.
 * @param {string} name @param {Readonly<Record<string, string>>} colours by variable
 * @param {Readonly<Record<string, string>>} slots by type @param {boolean} isDark
 * @returns {any}
 */
export function writePalette(name, colours, slots, isDark) {
  /** @type {Record<string, Record<string, string>>} */
  const groups = { node_slot: { ...slots }, litegraph_base: {}, comfy_base: {} };
  for (const [variable, paths] of Object.entries(FROM)) {
    for (const path of paths) {
      const [group, key] = path.split(".");
      if (colours[variable]) groups[group][key] ??= colours[variable];
    }
  }
  return { id: name.toLowerCase().replace(/[^a-z0-9]+/g, "-"), name, ...(isDark ? {} : { light_theme: true }), colors: groups };
}
