/** The mask editor: paints over a picture what a model is to paint anew. */

/** @import { App } from "../../app.js" */

import { reasonOf, t } from "../../words.js";
import { openDialog } from "../dialogs.js";
import { make } from "../dom.js";
import { Binding } from "../form/binding.js";
import { loadStyle } from "../styles.js";
import { toast } from "../toasts.js";
import { MaskBoard } from "./board.js";
import { fetchMasked, uploadMask } from "./files.js";

/** @typedef {"brush" | "eraser" | "fill" | "colour"} Choice */

const LARGEST = 400;
const TURN = 15;

/**
 * Opens the editor for the picture that an input of a node holds.
 * @param {App} app @param {string} id of the node @param {string} name of the input
 */
export async function openMaskEditor(app, id, name) {
  const binding = new Binding(app, id, name);
  const value = String(binding.value ?? "");
  try {
    const [{ picture, mask }] = await Promise.all([fetchMasked(value), loadStyle("mask.css")]);
    const radius = Math.round(Math.max(4, Math.min(LARGEST, Math.max(mask.width, mask.height) / 16)));
    const board = new MaskBoard(picture, mask, { radius, hardness: 0.8, erases: false, tool: "brush", tolerance: 0.12 });
    show(board, async () => {
      const stored = await uploadMask(value, mask);
      const { node } = binding;
      if (!node) return;
      binding.set(stored);
      app.actions.offerOption(node.type, name, stored);
      app.board.outputs.delete(app.view.keyOf(node));
      app.view.redraw();
    });
    picture.close();
  } catch (error) {
    toast(reasonOf(error), { kind: "bad" });
  }
}

/** @param {MaskBoard} board @param {() => Promise<void>} save */
function show(board, save) {
  const { mask, brush } = board;
  const said = make("p", { className: "voice", role: "status" });
  const { buttons, choose } = toolButtons(brush, () => {
    for (const { element } of [size, hardness]) element.hidden = brush.tool !== "brush";
    tolerance.element.hidden = brush.tool === "brush";
  });
  const size = slider(t("Size"), 1, LARGEST, 1, brush.radius, (value) => (brush.radius = value));
  const hardness = slider(t("Hardness"), 0, 1, 0.05, brush.hardness, (value) => (brush.hardness = value));
  const tolerance = slider(t("Tolerance"), 0, 1, 0.02, brush.tolerance, (value) => (brush.tolerance = value));
  const button = (/** @type {string} */ label, /** @type {string} */ title, /** @type {() => void} */ run) => make("button", { type: "button", title, onclick: run }, label);
  const undo = button(t("Undo"), t("Undo (Ctrl+Z)"), () => board.paint(mask.undo()));
  const redo = button(t("Redo"), t("Redo (Ctrl+Y)"), () => board.paint(mask.redo()));
  const percent = make("button", { type: "button", className: "mask-zoom", title: t("Show all of it (0)"), onclick: () => board.fit() });
  const group = (/** @type {string} */ label, /** @type {HTMLElement[]} */ ...tools) => make("div", { className: "mask-group", role: "group", "aria-label": label }, ...tools);
  const tools = make("div", { className: "mask-tools" }, group(t("Tool"), ...buttons), size.element, hardness.element, tolerance.element, group(t("Steps"), undo, redo),
    group(t("All of it"), button(t("Invert"), t("Invert (I)"), () => board.paint(mask.invert())), button(t("Clear"), t("Clear (Delete)"), () => board.paint(mask.clear())),
      button(t("Feather"), t("Soften the edges (F)"), () => board.paint(mask.feather(Math.max(1, Math.min(mask.width, mask.height) / 128))))),
    group(t("Zoom"), button("−", t("Zoom out (-)"), () => board.zoom(1 / 1.25)), percent, button("+", t("Zoom in (+)"), () => board.zoom(1.25))),
    group(t("Turn the view"), button("↺", t("Turn the view to the left (,)"), () => board.turn(-TURN)), button("↻", t("Turn the view to the right (.)"), () => board.turn(TURN))));
  const keep = make("button", { type: "button", className: "primary" }, t("Save the mask"));
  const close = () => dialog.close();
  const content = make("div", { className: "mask" }, tools, board.element, make("div", { className: "actions" }, said,
    make("button", { type: "button", onclick: close }, t("Cancel")), keep));
  const dialog = openDialog(t("Paint a mask"), content);
  dialog.classList.add("is-mask");
  board.onchange = () => {
    undo.disabled = mask.past.length === 0;
    redo.disabled = mask.future.length === 0;
    percent.textContent = `${Math.round(board.scale * 100)} %`;
  };
  keep.addEventListener("click", () => void finish());
  async function finish() {
    keep.disabled = true;
    if (board.isPenDown) board.togglePen();
    await save().then(close, (error) => toast(t("The mask was not saved. {reason}", { reason: error.message }), { kind: "bad" }));
    keep.disabled = false;
  }
  listenToKeys(dialog, board, { choose, size, close: finish, say: (text) => (said.textContent = text) });
  dialog.addEventListener("cancel", (event) => mask.past.length > 0 && event.preventDefault());
  dialog.addEventListener("close", () => board.watch?.disconnect());
  choose("brush");
  board.show();
  board.element.focus();
}

/**
 * The tools: those that paint, and whether they take away.
 * @param {import("./board.js").Brush} brush @param {() => void} changed
 * @returns {{buttons: HTMLElement[], choose: (wanted: Choice) => void}}
 */
function toolButtons(brush, changed) {
  const all = /** @type {const} */ ([
    ["brush", t("Brush"), t("Brush (B)")], ["eraser", t("Eraser"), t("Eraser (E)")], ["fill", t("Fill"), t("Fill what hangs together (G)")],
    ["colour", t("Colour"), t("Take one colour everywhere (C)")],
  ]);
  const buttons = all.map(([name, label, title]) => make("button", { type: "button", title, "data-tool": name, onclick: () => choose(name) }, label));
  const choose = (/** @type {Choice} */ wanted) => {
    brush.erases = wanted === "eraser";
    brush.tool = wanted === "eraser" ? "brush" : wanted;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.tool === wanted));
    changed();
  };
  return { buttons, choose };
}

/**
 * @param {string} label @param {number} min @param {number} max @param {number} step @param {number} value @param {(value: number) => void} set
 * @returns {{element: HTMLElement, change: (factor: number) => void}}
 */
function slider(label, min, max, step, value, set) {
  const input = make("input", { type: "range", min: String(min), max: String(max), step: String(step), value: String(value) });
  const shown = make("output", {});
  const show = () => {
    set(Number(input.value));
    shown.textContent = step < 1 ? `${Math.round(Number(input.value) * 100)} %` : input.value;
    input.style.setProperty("--part", String((Number(input.value) - min) / (max - min)));
  };
  input.addEventListener("input", show);
  show();
  return {
    element: make("label", { className: "mask-slider" }, make("span", {}, label), input, shown),
    change: (factor) => {
      input.value = String(Math.round(Math.max(Number(input.value) * factor, Number(input.value) + Math.sign(factor - 1))));
      show();
    },
  };
}

/**
 * @param {HTMLDialogElement} dialog @param {MaskBoard} board
 * @param {{choose: (wanted: Choice) => void, size: {change: (factor: number) => void}, close: () => void, say: (text: string) => void}} tools
 */
function listenToKeys(dialog, board, { choose, size, close, say }) {
  const { mask } = board;
  const plain = /** @type {Record<string, () => void>} */ ({
    b: () => choose("brush"), e: () => choose("eraser"), g: () => choose("fill"), c: () => choose("colour"), "[": () => size.change(1 / 1.15), "]": () => size.change(1.15), i: () => board.paint(mask.invert()),
    delete: () => board.paint(mask.clear()), "+": () => board.zoom(1.25), "=": () => board.zoom(1.25), "-": () => board.zoom(1 / 1.25), 0: () => board.fit(),
    ",": () => board.turn(-TURN), ".": () => board.turn(TURN),
    f: () => board.paint(mask.feather(Math.max(1, Math.min(mask.width, mask.height) / 128))),
  });
  const arrows = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] });
  dialog.addEventListener("keydown", (event) => {
    const isOnBoard = document.activeElement === board.element;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key === "z") board.paint(event.shiftKey ? mask.redo() : mask.undo());
      else if (key === "y") board.paint(mask.redo());
      else if (key === "enter" || key === "s") close();
      else return;
    } else if (isOnBoard && arrows[event.key]) board.walk(...arrows[event.key], event.shiftKey);
    else if (isOnBoard && event.key === " ") {
      if (board.pointers.size === 0 && !event.repeat) board.isSpaceHeld = true;
    } else if (plain[key] && !(document.activeElement instanceof HTMLInputElement && arrows[event.key])) plain[key]();
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("keyup", (event) => {
    if (event.key !== " " || !board.isSpaceHeld) return;
    board.isSpaceHeld = false;
    if (board.hasPanned) return void (board.hasPanned = false);
    board.togglePen();
    if (board.brush.tool !== "brush") say(t("The area is filled."));
    else say(board.isPenDown ? t("The brush is down.") : t("The brush is up."));
  });
}
