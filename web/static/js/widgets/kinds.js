/** Which kinds of field show a value in a form, and within which limits. */

/** @import { Widget } from "../model/types.js" */

/** @typedef {"slider" | "number" | "seed" | "text" | "line" | "list" | "toggle" | "file" | "json"} FieldKind */
/** @typedef {Readonly<{label?: string, minimum?: number, maximum?: number, widget?: string}>} Wish what a form says of an input */

/** A range with more steps than these is easier to type than to slide. */
const MOST_STEPS = 1000;
/** What the page paints on nodes itself; in words it is what files hold. */
const DRAWN = new Set(["CURVE", "BOUNDING_BOX", "BOUNDING_BOXES"]);

/**
 * A widget within the limits that a form sets; a form can only narrow them.
 * @param {Widget} widget @param {Wish} wish
 * @returns {Widget}
 */
export function limited(widget, { minimum = -Infinity, maximum = Infinity }) {
  const min = Math.max(widget.min, minimum);
  const max = Math.min(widget.max, maximum);
  return min === widget.min && max === widget.max ? widget : { ...widget, min, max: Math.max(min, max) };
}

/**
 * The kinds of field that fit a widget, the usual one first; none fits one that an extension draws.
 * @param {Widget} widget
 * @returns {readonly FieldKind[]}
 */
export function kindsFor(widget) {
  if (widget.guest !== undefined) return DRAWN.has(widget.guest) ? ["json"] : [];
  if (widget.kind === "text") return ["text", "line"];
  if (widget.kind === "string") return ["line", "text"];
  if (widget.kind === "combo") return widget.upload ? ["file", "list"] : ["list"];
  if (widget.kind === "toggle") return ["toggle"];
  if (widget.kind !== "int" && widget.kind !== "float") return [];
  if (widget.seeded) return ["seed", "number"];
  if (!Number.isFinite(widget.max - widget.min)) return ["number"];
  return (widget.max - widget.min) / (widget.step || 1) <= MOST_STEPS ? ["slider", "number"] : ["number", "slider"];
}

/**
 * The kind of field for an input: the one that the form asks for where it fits, or else the usual one.
 * @param {Widget} widget with the limits of the form @param {Wish} wish
 * @returns {FieldKind | null} null where there is none
 */
export function kindOf(widget, wish) {
  const kinds = kindsFor(widget);
  return kinds.find((kind) => kind === wish.widget) ?? kinds[0] ?? null;
}

/**
 * A name of the catalogue as people read it: "noise_seed" is "Noise seed".
 * @param {string} name
 */
export function readable(name) {
  const words = name.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
