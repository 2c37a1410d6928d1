/** Values as short text for people. */

import { writeJson } from "./io/json.js";

const LONGEST = 80;

/** A value in a sentence: text in quotes, cut where it is long. @param {any} value @returns {string} */
export function shown(value) {
  if (value === undefined) return "–";
  const text = typeof value === "string" ? `“${value}”` : writeJson(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/**
 * A span of time as people say it.
 * @param {number} milliseconds
 * @returns {string} "0.8 s", "12 s", "3:05 min", "1:02:03 h"
 */
export function spanText(milliseconds) {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)} h`;
}

/** The size of a file as people say it. @param {number} bytes @returns {string} "0.3 MB", "160 MB", "6.94 GB" */
export function sizeText(bytes) {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
