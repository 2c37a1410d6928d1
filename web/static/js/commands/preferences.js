/** What a person can choose about the canvas, and the canvas that obeys. */

/** @import { App } from "../app.js" */

import { lineHeight } from "../canvas/paint/widgets.js";
import { t } from "../words.js";

/** @param {App} app */
export function tendCanvasSettings({ settings, view }) {
  const category = t("Canvas");
  const options = (/** @type {readonly (readonly [string, string])[]} */ pairs) => pairs.map(([value, label]) => ({ value, label }));
  /** @param {import("../engine/settings.js").Definition} definition @param {(value: any) => void} obey */
  const define = (definition, obey) => {
    settings.define({ category, ...definition });
    obey(settings.get(definition.id));
    settings.listen(definition.id, (value) => {
      obey(value);
      view.redraw();
    });
  };
  define({
    id: "canvas.links", label: t("Links are drawn as"), kind: "choice", fallback: "spline",
    options: options([["spline", t("Curves")], ["linear", t("Slanted lines")], ["straight", t("Lines with corners")], ["hidden", t("Nothing")]]),
  }, (style) => view.scene.setStyle(style));
  define({
    id: "canvas.marks", label: t("Marks in the middle of links"), kind: "choice", fallback: "none",
    options: options([["none", t("Only where pointed at")], ["circle", t("Dots")], ["arrow", t("Arrows")]]),
  }, (marks) => (view.marks = marks));
  define({
    id: "canvas.wheel", label: t("The wheel"), kind: "choice", fallback: "automatic",
    options: options([["automatic", t("Zooms; two fingers on a trackpad move")], ["zoom", t("Zooms")], ["move", t("Moves; with Ctrl it zooms")]]),
  }, (wheel) => (view.choices.wheel = wheel));
  define({
    id: "canvas.drag", label: t("Dragging the background"), kind: "choice", fallback: "move",
    options: options([["move", t("Moves the canvas; with Ctrl it selects")], ["select", t("Selects; with Ctrl it moves the canvas")]]),
  }, (drag) => (view.choices.drag = drag));
  define({
    id: "canvas.release", label: t("A link dropped on nothing opens"), kind: "choice", fallback: "search",
    options: options([["search", t("The search; with Shift a menu")], ["menu", t("A menu; with Shift the search")]]),
  }, (release) => (view.choices.linkMenu = release));
  define({ id: "canvas.snap", label: t("Nodes keep to the grid, not only with Shift"), kind: "toggle", fallback: false }, (snaps) => (view.choices.snaps = snaps));
  define({ id: "canvas.grid", label: t("Pitch of the grid"), kind: "number", fallback: 12, minimum: 4, maximum: 100, step: 1 },
    (grid) => (view.choices.grid = grid));
  define({ id: "canvas.speed", label: t("Speed of zooming"), kind: "number", fallback: 1, minimum: 0.25, maximum: 4, step: 0.25 },
    (speed) => (view.choices.speed = speed));
  define({ id: "canvas.edges", label: t("Speed of moving when something is dragged to an edge"), kind: "number", fallback: 1, minimum: 0, maximum: 3, step: 0.25 },
    (edges) => (view.choices.edges = edges));
  define({ id: "canvas.dots", label: t("Dots on the background"), kind: "toggle", fallback: true }, (dots) => (view.choices.dots = dots));
  define({ id: "canvas.previews", label: t("Previews below running nodes"), kind: "toggle", fallback: true }, (shown) => (view.choices.previews = shown));
  define({ id: "canvas.hang", label: t("A node that is added hangs on the pointer until a press"), kind: "toggle", fallback: false },
    (hangs) => (view.choices.hangs = hangs));
  define({ id: "canvas.opacity", label: t("How solid nodes are"), kind: "number", fallback: 1, minimum: 0.2, maximum: 1, step: 0.05 },
    (opacity) => (view.choices.opacity = opacity));
  define({ id: "canvas.text", label: t("Size of the letters in texts on nodes"), kind: "number", fallback: 13, minimum: 9, maximum: 28, step: 1 }, (size) => {
    view.choices.text = size;
    view.stage.style.setProperty("--text", `${size}px`);
    view.stage.style.setProperty("--text-line", `${lineHeight(size)}px`);
  });
  define({ id: "canvas.spelling", label: t("Check the spelling of texts"), kind: "toggle", fallback: false }, (checks) => (view.choices.spelling = checks));
  define({ id: "canvas.numbers", label: t("Numbers of nodes beside their titles"), kind: "toggle", fallback: true }, (shown) => (view.showsNumbers = shown));
}
