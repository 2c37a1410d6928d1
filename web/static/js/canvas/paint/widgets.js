/** Paints the widgets of a node as they stand when nobody edits them. */

/** @import { Bounds, Node, Widget } from "../../model/types.js" */
/** @import { Shape, WidgetPlace } from "../shape.js" */
/** @import { View } from "../view.js" */

import { hooks } from "../hooks.js";
import { FONT } from "../theme.js";
import { cut, lines, widthOf, write } from "../text.js";
import { controlWords } from "../../model/seeds.js";
import { holdsNone, shownValue } from "../../widgets/values.js";
import { t } from "../../words.js";

/**
 * All widgets of a node.
 * @param {CanvasRenderingContext2D} context on the canvas @param {View} view @param {Node} node @param {Shape} shape
 */
export function paintWidgets(context, view, node, shape) {
  const detailed = view.camera.scale > 0.45;
  for (const place of shape.widgets) {
    const { guest } = /** @type {Widget} */ (place.slot.widget);
    if (guest !== undefined) {
      hooks.widgets.get(guest)?.paint(context, view, node, place);
      continue;
    }
    const hovered = view.isHoveredWidget(node, place.slot.name);
    paintField(context, view, place.bounds, hovered === "widget");
    if (place.control) paintField(context, view, place.control, hovered === "control");
    if (detailed && place.hasCaption) paintCaption(context, view, place);
    if (!detailed || view.isEditing(node.id, place.slot.name)) continue;
    const isLinked = view.store.graph.linkInto(node.id, place.slot.name) !== undefined;
    paintValue(context, view, node, place, isLinked, hovered === "widget");
    if (place.control) paintControl(context, view, node, place, isLinked);
  }
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {Bounds} bounds @param {boolean} hovered */
function paintField(context, view, [x, y, width, height], hovered) {
  context.beginPath();
  context.roundRect(x, y, width, height, 5);
  context.fillStyle = hovered ? view.theme.fieldHover : view.theme.field;
  context.fill();
}

/**
 * @param {CanvasRenderingContext2D} context @param {View} view @param {Node} node @param {WidgetPlace} place
 * @param {boolean} isLinked @param {boolean} hovered
 */
function paintValue(context, view, node, place, isLinked, hovered) {
  const widget = /** @type {Widget} */ (place.slot.widget);
  const wrong = view.problemsOf(node).some((problem) => problem.input === place.slot.name);
  if (wrong) ring(context, view, place.bounds);
  if (widget.kind === "text") return paintText(context, view, node, place, isLinked);
  if (widget.kind === "button") return paintButton(context, view, place);
  const [x, y, width, height] = place.bounds;
  const middle = y + height / 2 + 0.5;
  write(context, `12px ${FONT}`);
  context.textBaseline = "middle";
  const isNumber = widget.kind === "int" || widget.kind === "float";
  const inset = isNumber && hovered && !isLinked ? 20 : 10;
  const room = width - 2 * inset - (widget.kind === "combo" && !isLinked ? 14 : 0);
  const value = isLinked ? t("linked") : shownValue(widget, node.values[place.slot.name]);
  const label = cut(context, place.slot.label, Math.max(room * 0.3, room - widthOf(context, value) - 12));
  context.textAlign = "left";
  context.fillStyle = view.theme.soft;
  context.fillText(label, x + inset, middle);
  if (widget.kind === "toggle" && !isLinked) return paintSwitch(context, view, node, place);
  const lost = !isLinked && holdsNone(widget, node.values[place.slot.name]);
  context.textAlign = "right";
  context.fillStyle = isLinked ? view.theme.faint : lost ? view.theme.danger : view.theme.ink;
  const end = x + width - inset - (widget.kind === "combo" && !isLinked ? 14 : 0);
  context.fillText(cut(context, value, room - widthOf(context, label) - 10), end, middle);
  if (isLinked) return;
  if (widget.kind === "combo") chevron(context, view.theme.faint, x + width - 12, middle, 0);
  if (isNumber && hovered) {
    chevron(context, view.theme.soft, x + 10, middle, 1);
    chevron(context, view.theme.soft, x + width - 10, middle, -1);
  }
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {Bounds} bounds */
function ring(context, view, [x, y, width, height]) {
  context.beginPath();
  context.roundRect(x, y, width, height, 5);
  context.strokeStyle = view.theme.danger;
  context.lineWidth = 1.5;
  context.stroke();
}

/**
 * A small angle: pointing down (0), left (1) or right (-1).
 * @param {CanvasRenderingContext2D} context @param {string} colour @param {number} x @param {number} y @param {0 | 1 | -1} turn
 */
function chevron(context, colour, x, y, turn) {
  context.beginPath();
  if (turn === 0) {
    context.moveTo(x - 3.5, y - 2);
    context.lineTo(x, y + 1.5);
    context.lineTo(x + 3.5, y - 2);
  } else {
    context.moveTo(x + 2 * turn, y - 3.5);
    context.lineTo(x - 1.5 * turn, y);
    context.lineTo(x + 2 * turn, y + 3.5);
  }
  context.lineWidth = 1.5;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.strokeStyle = colour;
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {Node} node @param {WidgetPlace} place */
function paintSwitch(context, view, node, place) {
  const widget = /** @type {Widget} */ (place.slot.widget);
  const [x, y, width, height] = place.bounds;
  const isOn = Boolean(node.values[place.slot.name]);
  const middle = y + height / 2;
  const right = x + width - 8;
  context.beginPath();
  context.roundRect(right - 24, middle - 6.5, 24, 13, 6.5);
  context.fillStyle = isOn ? view.theme.accent : view.theme.faint;
  context.fill();
  context.beginPath();
  context.arc(isOn ? right - 6.5 : right - 17.5, middle, 4.5, 0, 2 * Math.PI);
  context.fillStyle = view.theme.node;
  context.fill();
  context.textAlign = "right";
  context.fillStyle = view.theme.ink;
  context.fillText(cut(context, isOn ? widget.labelOn : widget.labelOff, width / 3), right - 31, middle + 0.5);
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {WidgetPlace} place */
function paintButton(context, view, { slot, bounds: [x, y, width, height] }) {
  write(context, `500 12px ${FONT}`);
  context.textBaseline = "middle";
  context.textAlign = "center";
  context.fillStyle = view.theme.ink;
  context.fillText(cut(context, slot.label, width - 20), x + width / 2, y + height / 2 + 0.5);
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {WidgetPlace} place which of several texts this is */
function paintCaption(context, view, place) {
  const [x, y, width] = place.bounds;
  write(context, `11px ${FONT}`);
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillStyle = view.theme.soft;
  context.fillText(cut(context, place.slot.label, width - 4), x + 2, y - 8);
}

/** How far lines of a text lie apart, in its field too. @param {number} size of the letters @returns {number} */
export function lineHeight(size) {
  return Math.round(size * 17 / 13);
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {Node} node @param {WidgetPlace} place @param {boolean} isLinked */
function paintText(context, view, node, place, isLinked) {
  const [x, y, width, height] = place.bounds;
  const widget = /** @type {Widget} */ (place.slot.widget);
  const value = isLinked ? "" : String(node.values[place.slot.name] ?? "");
  const size = view.choices.text;
  const line = lineHeight(size);
  const rows = Math.max(1, Math.floor((height - 9) / line));
  write(context, `${size}px ${FONT}`);
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.fillStyle = value === "" ? view.theme.faint : view.theme.ink;
  const shown = value !== "" ? value : isLinked ? t("{name}: linked", { name: place.slot.label }) : widget.placeholder || place.slot.label;
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  const broken = lines(context, shown, width - 16, rows + 1);
  for (const [index, text] of broken.slice(0, rows + 1).entries()) context.fillText(text, x + 8, y + 5 + size + index * line);
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {Node} node @param {WidgetPlace} place @param {boolean} isLinked */
function paintControl(context, view, node, place, isLinked) {
  const [x, y, width, height] = /** @type {Bounds} */ (place.control);
  const middle = y + height / 2 + 0.5;
  write(context, `12px ${FONT}`);
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.fillStyle = view.theme.soft;
  context.fillText(t("before each run"), x + 10, middle);
  context.textAlign = "right";
  context.fillStyle = isLinked ? view.theme.faint : view.theme.ink;
  context.fillText(isLinked ? t("linked") : controlWords()[node.controls[place.slot.name] ?? "fixed"], x + width - 24, middle);
  if (!isLinked) chevron(context, view.theme.faint, x + width - 12, middle, 0);
}
