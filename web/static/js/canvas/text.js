/** Text on the canvas: cut to a width, or broken into lines, each measured once. */

const LIMIT = 6000;
/** The font that was set last: to ask a context for it is slower than all else here. */
let font = "";
/** @type {Map<string, string>} */
const cuts = new Map();
/** @type {Map<string, number>} */
const widths = new Map();
/** @type {Map<string, readonly string[]>} */
const breaks = new Map();

/**
 * Sets the font of what is written next.
 * @param {CanvasRenderingContext2D} context @param {string} wanted
 */
export function write(context, wanted) {
  context.font = wanted;
  font = wanted;
}

/**
 * The text, cut with an ellipsis where it is wider than there is room. The font must have been set with `write`.
 * @param {CanvasRenderingContext2D} context @param {string} text @param {number} width
 * @returns {string}
 */
export function cut(context, text, width) {
  if (width <= 0) return "";
  const name = `${font}|${Math.round(width)}|${text.length > 400 ? text.slice(0, 400) : text}`;
  const known = cuts.get(name);
  if (known !== undefined) return known;
  if (cuts.size > LIMIT) cuts.clear();
  const shown = cutNow(context, text.slice(0, 400).replace(/\s+/g, " "), width);
  cuts.set(name, shown);
  return shown;
}

/**
 * How wide a text is. The font must have been set with `write`.
 * @param {CanvasRenderingContext2D} context @param {string} text
 * @returns {number}
 */
export function widthOf(context, text) {
  const name = `${font}|${text}`;
  const known = widths.get(name);
  if (known !== undefined) return known;
  if (widths.size > LIMIT) widths.clear();
  const { width } = context.measureText(text);
  widths.set(name, width);
  return width;
}

/** @param {CanvasRenderingContext2D} context @param {string} text @param {number} width @returns {string} */
function cutNow(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return low === 0 ? "" : `${text.slice(0, low).trimEnd()}…`;
}

/**
 * The lines of a text broken at spaces, and inside words that are too wide; at most `most` lines.
 * @param {CanvasRenderingContext2D} context @param {string} text @param {number} width @param {number} most
 * @returns {readonly string[]}
 */
export function lines(context, text, width, most) {
  const name = `${font}|${Math.round(width)}|${most}|${text}`;
  const known = breaks.get(name);
  if (known) return known;
  if (breaks.size > 500) breaks.clear();
  /** @type {string[]} */
  const broken = [];
  for (const paragraph of text.split("\n")) {
    if (broken.length >= most) break;
    breakParagraph(context, paragraph, width, most, broken);
  }
  breaks.set(name, broken);
  return broken;
}

/** @param {CanvasRenderingContext2D} context @param {string} text @param {number} width @param {number} most @param {string[]} into */
function breakParagraph(context, text, width, most, into) {
  let line = "";
  for (const piece of text.match(/\s*\S+|\s+$/g) ?? [""]) {
    const longer = line + piece;
    if (line === "" || context.measureText(longer.trimEnd()).width <= width) line = longer;
    else {
      into.push(line);
      line = piece.trimStart();
    }
    while (context.measureText(line).width > width && line.length > 1) {
      let size = line.length - 1;
      while (size > 1 && context.measureText(line.slice(0, size)).width > width) size -= 1;
      into.push(line.slice(0, size));
      line = line.slice(size);
    }
    if (into.length >= most) return;
  }
  into.push(line);
}
