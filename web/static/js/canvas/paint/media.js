/** Paints pictures and texts that a run left on a node, and the live preview that hangs below a node. */

/** @import { Bounds, Node } from "../../model/types.js" */
/** @import { View } from "../view.js" */

import { hooks } from "../hooks.js";
import { FONT } from "../theme.js";
import { lines, write } from "../text.js";
import { t } from "../../words.js";

const MOST_LETTERS = 600;
const GAP = 3;

/**
 * The pictures of a node in its own space: in a grid that leaves them as large as it can.
 * @param {CanvasRenderingContext2D} context on the canvas @param {View} view @param {Node} node @param {Bounds} bounds
 */
export function paintMedia(context, view, node, bounds) {
  const [x, y, width, height] = bounds;
  context.beginPath();
  context.roundRect(x, y, width, height, 6);
  context.fillStyle = view.theme.field;
  context.fill();
  const { texts } = view.outputOf(node);
  const urls = view.picturesOf(node);
  if (texts.length > 0 && urls.length === 0) return paintTexts(context, view, texts.join("\n"), bounds);
  const own = hooks.media.get(node.type);
  if (own && urls.length > 1) return own(context, node, bounds, urls);
  if (urls.length === 0) return paintNothing(context, view, node, bounds);
  const picked = view.picked.get(node.id);
  if (picked !== undefined && picked < urls.length && urls.length > 1) return paintPicked(context, view, node, bounds, urls, picked);
  for (const [index, cell] of gridCells(bounds, urls.length).entries()) {
    const picture = view.pictures.get(urls[index], cell[2] * view.camera.scale * view.painter.ratio);
    if (picture) drawWithin(context, picture, cell);
  }
}

/**
 * One picture of several, and which one it is.
 * @param {CanvasRenderingContext2D} context @param {View} view @param {Node} node @param {Bounds} bounds
 * @param {readonly string[]} urls @param {number} picked
 */
function paintPicked(context, view, node, bounds, urls, picked) {
  const [x, y, width, height] = bounds;
  const picture = view.pictures.get(urls[picked], width * view.camera.scale * view.painter.ratio);
  if (picture) drawWithin(context, picture, bounds);
  if (view.camera.scale < 0.45) return;
  write(context, `600 11px ${FONT}`);
  context.textAlign = "center";
  context.textBaseline = "middle";
  const text = view.isHovered(node) ? `‹  ${picked + 1} / ${urls.length}  ›` : `${picked + 1} / ${urls.length}`;
  const wide = context.measureText(text).width + 18;
  context.beginPath();
  context.roundRect(x + (width - wide) / 2, y + height - 28, wide, 20, 10);
  context.fillStyle = view.theme.node;
  context.globalAlpha *= 0.86;
  context.fill();
  context.globalAlpha /= 0.86;
  context.fillStyle = view.theme.ink;
  context.fillText(text, x + width / 2, y + height - 17.5);
}

/**
 * Which picture stands out after a click: the one clicked on; of one that stands out already the one before or after it at its
 * sides, and all of them again in its middle.
 * @param {Bounds} bounds @param {number} count @param {number | undefined} picked @param {readonly [number, number]} at
 * @returns {number | undefined}
 */
export function pick(bounds, count, picked, [x, y]) {
  if (picked === undefined || picked >= count) {
    const index = gridCells(bounds, count).findIndex(([left, top, width, height]) =>
      x >= left && x < left + width && y >= top && y < top + height);
    return index < 0 ? undefined : index;
  }
  const part = (x - bounds[0]) / bounds[2];
  if (part < 0.3) return (picked + count - 1) % count;
  return part > 0.7 ? (picked + 1) % count : undefined;
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {Node} node @param {Bounds} bounds */
function paintNothing(context, view, node, [x, y, width, height]) {
  if (view.camera.scale < 0.45) return;
  const loads = view.store.definitions.get(node.type)?.inputs.some((input) => input.widget?.upload);
  write(context, `12px ${FONT}`);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = view.theme.faint;
  const isText = !loads && !view.showsPictures(node);
  const text = loads ? t("Drop a picture here, or click to choose one") : isText ? t("The text appears here") : t("The picture appears here");
  context.fillText(text, x + width / 2, y + height / 2, width - 16);
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {string} text @param {Bounds} bounds */
function paintTexts(context, view, text, [x, y, width, height]) {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  write(context, `12px ${FONT}`);
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.fillStyle = view.theme.ink;
  const rows = Math.ceil(height / 16);
  for (const [index, line] of lines(context, text.slice(0, 20000), width - 16, rows).entries()) {
    context.fillText(line, x + 8, y + 17 + index * 16);
  }
  context.restore();
}

/**
 * The cells of a grid of pictures.
 * @param {Bounds} bounds @param {number} count
 * @returns {Bounds[]}
 */
export function gridCells([x, y, width, height], count) {
  let columns = 1;
  let best = 0;
  for (let tried = 1; tried <= count; tried += 1) {
    const side = Math.min(width / tried, height / Math.ceil(count / tried));
    if (side > best) [best, columns] = [side, tried];
  }
  const rows = Math.ceil(count / columns);
  const [across, down] = [width / columns, height / rows];
  return Array.from({ length: count }, (_, index) =>
    [x + (index % columns) * across, y + Math.floor(index / columns) * down, across, down]);
}

/**
 * Where a picture lies in a field that shows it whole, as large as there is room for it.
 * @param {{width: number, height: number}} picture @param {Bounds} bounds @param {number} gap
 * @returns {Bounds}
 */
export function within(picture, [x, y, width, height], gap = GAP) {
  const scale = Math.min((width - 2 * gap) / picture.width, (height - 2 * gap) / picture.height);
  const [across, down] = [picture.width * scale, picture.height * scale];
  return [x + (width - across) / 2, y + (height - down) / 2, across, down];
}

/** @param {CanvasRenderingContext2D} context @param {ImageBitmap} picture @param {Bounds} bounds @param {boolean} smooth */
function drawWithin(context, picture, bounds, smooth = false) {
  const place = within(picture, bounds);
  context.imageSmoothingEnabled = smooth || place[2] < 3 * picture.width;
  context.imageSmoothingQuality = "high";
  context.save();
  context.beginPath();
  context.roundRect(...place, 4);
  context.clip();
  context.drawImage(picture, ...place);
  context.restore();
}

/**
 * The preview of a node that runs, on a card below it.
 * @param {CanvasRenderingContext2D} context on the canvas @param {View} view @param {Node} node
 */
export function paintPreview(context, view, node) {
  const { preview } = view.runOf(node);
  if (!preview || !view.choices.previews) return;
  const [x, y, width, height] = view.scene.shape(node).bounds;
  const side = Math.min(width, 320);
  const tall = Math.min(320, side * preview.height / preview.width);
  /** @type {Bounds} */
  const card = [x + (width - side) / 2, y + height + 10, side, tall];
  context.fillStyle = view.theme.shadow;
  context.beginPath();
  context.roundRect(card[0] - 1, card[1] + 1, card[2] + 2, card[3] + 3, 9);
  context.fill();
  context.fillStyle = view.theme.node;
  context.strokeStyle = view.theme.line;
  context.lineWidth = 1;
  context.beginPath();
  context.roundRect(...card, 8);
  context.fill();
  context.stroke();
  drawWithin(context, preview, card, true);
}

/**
 * What hangs below a node in words: what is wrong with it, or else what it says of itself.
 * @param {CanvasRenderingContext2D} context on the canvas @param {View} view @param {Node} node
 */
export function paintSlip(context, view, node) {
  if (view.camera.scale < 0.35) return;
  const problems = view.problemsOf(node).map(({ text }) => text);
  const text = (problems.length > 0 ? problems : saidBy(view, node)).join("\n").trim();
  if (text === "") return;
  const { theme } = view;
  const [x, y, width, height] = view.scene.shape(node).bounds;
  write(context, `12px ${FONT}`);
  const shown = lines(context, text.slice(0, MOST_LETTERS), width - 20, 4).slice(0, 4);
  context.fillStyle = problems.length > 0 ? theme.danger : theme.field;
  context.beginPath();
  context.roundRect(x, y + height + 6, width, shown.length * 16 + 12, 6);
  context.fill();
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.fillStyle = problems.length > 0 ? theme.onAccent : theme.soft;
  for (const [index, line] of shown.entries()) context.fillText(line, x + 10, y + height + 23 + index * 16);
}

/**
 * What a node says of itself that stands nowhere on it: while it runs, and what it has found out.
 * @param {View} view @param {Node} node @returns {readonly string[]}
 */
function saidBy(view, node) {
  const run = view.runOf(node);
  if (run.text !== "" && !run.preview) return [run.text];
  const { texts, pictures } = view.outputOf(node);
  const isOnIt = view.scene.shape(node).media !== null && pictures.length === 0 && view.picturesOf(node).length === 0;
  return texts.length === 0 || isOnIt ? [] : texts;
}
