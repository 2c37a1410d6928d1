/** The values of widgets: as text, and from text; steps and limits of numbers. */

/** @import { Widget } from "../model/types.js" */

import { wholeNumber } from "../model/io/json.js";
import { largest } from "../model/seeds.js";

/**
 * How a value reads on the canvas.
 * @param {Widget} widget @param {any} value
 * @returns {string}
 */
export function shownValue(widget, value) {
  if (value === null || value === undefined) return "";
  if (widget.kind === "float" && typeof value === "number") {
    const text = value.toFixed(Math.min(decimals(widget), 10));
    return Number(text) === value ? text : String(value);
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/**
 * How many decimals a step of a number has.
 * @param {Widget} widget
 * @returns {number}
 */
export function decimals(widget) {
  const text = String(widget.step || 1);
  const scientific = /e-(\d+)$/.exec(text);
  if (scientific) return Number(scientific[1]);
  return text.includes(".") ? Math.max(1, text.split(".")[1].length) : widget.kind === "float" ? 1 : 0;
}

/**
 * Whether a combo holds a value that is not among its options.
 * @param {Widget} widget @param {any} value
 * @returns {boolean}
 */
export function holdsNone(widget, value) {
  return widget.kind === "combo" && widget.options.length > 0 && !widget.options.includes(value);
}

/**
 * A number brought into the limits of its widget, on its grid where `snap` is set.
 * @param {Widget} widget @param {number | bigint} value @param {boolean} snap
 * @returns {number | bigint}
 */
export function fitted(widget, value, snap) {
  if (typeof value === "bigint") return fittedWhole(widget, value);
  let number = Math.min(widget.max, Math.max(widget.min, value));
  if (widget.kind === "int") number = Math.round(number);
  const step = snap ? widget.step : widget.round;
  if (step > 0) {
    const origin = Number.isFinite(widget.min) && snap ? widget.min : 0;
    number = origin + Math.round((number - origin) / step) * step;
    number = Number(number.toFixed(10));
  }
  return Math.min(widget.max, Math.max(widget.min, number));
}

/** @param {Widget} widget @param {bigint} value @returns {number | bigint} */
function fittedWhole(widget, value) {
  const top = largest(widget);
  if (widget.kind !== "int" || value < 0n) return fitted(widget, Number(value), false);
  return wholeNumber(value > top ? top : value);
}

/**
 * The number that a person typed, or null when it is none. Simple sums such as `512*2` are worked out.
 * @param {string} text
 * @returns {number | bigint | null}
 */
export function typedNumber(text) {
  const plain = text.trim().replace(",", ".");
  if (/^-?\d{16,20}$/.test(plain)) return wholeNumber(BigInt(plain));
  if (plain === "") return null;
  if (Number.isFinite(Number(plain))) return Number(plain);
  const sum = /^(-?[\d.]+)\s*([-+*/])\s*(-?[\d.]+)$/.exec(plain);
  if (!sum) return null;
  const [left, right] = [Number(sum[1]), Number(sum[3])];
  const result = { "+": left + right, "-": left - right, "*": left * right, "/": left / right }[sum[2]];
  return result !== undefined && Number.isFinite(result) ? result : null;
}
