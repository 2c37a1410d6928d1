/** The search box: nodes to add, fitting a link where one waits, and every command by name. */

import { find } from "../model/search.js";
import { followPointer, make, placeAt, tieList } from "./dom.js";
import { t } from "../words.js";

/**
 * @template T
 * @typedef {{item: T, label: string, note: string, fields: readonly string[]}} Choice
 */

/** @type {(() => void) | null} */
let closeOpen = null;

/**
 * Opens the search box; calls `pick` with what was chosen.
 * @template T
 * @param {{x: number, y: number, placeholder: string, hint: string, choices: readonly Choice<T>[]}} options
 * @param {(item: T) => void} pick
 */
export function openPalette({ x, y, placeholder, hint, choices }, pick) {
  closeOpen?.();
  const before = document.activeElement;
  const search = make("input", { className: "search", type: "text", placeholder, "aria-label": placeholder, spellcheck: false });
  const rows = make("div", { className: "rows", role: "listbox", "aria-label": placeholder });
  const panel = make("div", { className: "panel palette", role: "dialog", "aria-label": placeholder }, search, rows,
    make("div", { className: "hint" }, hint));
  const entries = choices.map((choice) => ({ item: choice, fields: choice.fields }));
  /** @type {Choice<T>[]} */
  let shown = [];
  let chosen = 0;
  const close = () => {
    if (closeOpen !== close) return;
    closeOpen = null;
    removeEventListener("pointerdown", outside, true);
    panel.remove();
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  };
  const outside = (/** @type {Event} */ event) => {
    if (!panel.contains(/** @type {globalThis.Node} */ (event.target))) close();
  };
  const choose = (/** @type {Choice<T> | undefined} */ choice) => {
    if (!choice) return;
    close();
    pick(choice.item);
  };
  const tell = tieList(search, rows);
  const mark = () => {
    tell(chosen);
    for (const [index, row] of [...rows.children].entries()) row.classList.toggle("is-active", index === chosen);
    rows.children[chosen]?.scrollIntoView({ block: "nearest" });
  };
  const fill = () => {
    shown = find(entries, search.value, 60);
    chosen = 0;
    rows.replaceChildren(...shown.map((choice) => make("div", { className: "row", role: "option", onclick: () => choose(choice) },
      make("span", { className: "label" }, choice.label), make("span", { className: "note" }, choice.note))));
    if (shown.length === 0) rows.append(make("div", { className: "empty" }, t("Nothing fits.")));
    mark();
  };
  followPointer(rows, (index) => (chosen = index));
  search.addEventListener("input", fill);
  panel.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      chosen = Math.max(0, Math.min(shown.length - 1, chosen + step));
      mark();
    } else if (event.key === "Enter") choose(shown[chosen]);
    else if (event.key === "Escape") close();
  });
  document.body.append(panel);
  fill();
  placeAt(panel, x, y);
  addEventListener("pointerdown", outside, true);
  closeOpen = close;
  search.focus();
}
