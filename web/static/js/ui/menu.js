/** Menus and pick lists: one open at a time, closed by choosing, Escape or a press elsewhere. */

import { find, folded } from "../model/search.js";
import { followPointer, make, placeAt, tieList } from "./dom.js";
import { t } from "../words.js";

/** @typedef {{label: string, keys?: string, run: () => void, isDisabled?: boolean, isChecked?: boolean} | null} Item null is a line */

/** @type {(() => void) | null} */
let closeOpen = null;

/**
 * @param {HTMLElement} panel @param {number} x @param {number} y
 * @returns {() => void} closes it
 */
function show(panel, x, y) {
  closeOpen?.();
  const before = document.activeElement;
  const close = () => {
    if (closeOpen !== close) return;
    closeOpen = null;
    removeEventListener("pointerdown", outside, true);
    removeEventListener("wheel", outside, true);
    const hadFocus = panel.contains(document.activeElement);
    panel.remove();
    if (hadFocus && before instanceof HTMLElement) before.focus({ preventScroll: true });
  };
  const outside = (/** @type {Event} */ event) => {
    if (!panel.contains(/** @type {globalThis.Node} */ (event.target))) close();
  };
  panel.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") close();
  });
  document.body.append(panel);
  placeAt(panel, x, y);
  addEventListener("pointerdown", outside, true);
  addEventListener("wheel", outside, true);
  closeOpen = close;
  return close;
}

/**
 * Opens a menu.
 * @param {number} x @param {number} y @param {readonly Item[]} items
 */
export function openMenu(x, y, items) {
  const panel = make("div", { className: "panel menu", role: "menu" });
  /** @type {() => void} */
  let close = () => undefined;
  for (const item of items) {
    if (item === null) {
      panel.append(make("hr"));
      continue;
    }
    const row = make("button", {
      className: "row", role: "menuitem", disabled: item.isDisabled ?? false, type: "button",
      onclick: () => {
        close();
        item.run();
      },
    }, make("span", { className: "mark" }, item.isChecked ? "✓" : ""), make("span", { className: "label" }, item.label),
    make("span", { className: "keys" }, item.keys ?? ""));
    panel.append(row);
  }
  close = show(panel, x, y);
  const rows = /** @type {HTMLButtonElement[]} */ ([...panel.querySelectorAll("button:not(:disabled)")]);
  panel.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const index = rows.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    rows[(index + step + rows.length) % rows.length]?.focus();
  });
  rows[0]?.focus();
}

/**
 * Opens a list to pick one of many options, with a search line when there are more than a few.
 * @param {{x: number, y: number, width: number, options: readonly any[], value: any, label: string,
 *   words?: Readonly<Record<string, string>>}} list `words` is what options are called that are not shown as they are
 * @param {(value: any) => void} pick
 */
export function openPicker({ x, y, width, options, value, label, words = {} }, pick) {
  const panel = make("div", { className: "panel picker" });
  panel.style.minWidth = `${Math.max(160, width)}px`;
  const wordOf = (/** @type {any} */ option) => (Object.hasOwn(words, option) ? words[option] : String(option));
  const entries = options.map((option) => ({ item: option, fields: [folded(wordOf(option))] }));
  const search = make("input", { className: "search", type: "text", placeholder: t("Search {count}", { count: options.length }), "aria-label": t("Search {what}", { what: label }) });
  const rows = make("div", { className: "rows", role: "listbox", "aria-label": label, tabIndex: -1 });
  if (options.length > 8) panel.append(search);
  panel.append(rows);
  /** @type {any[]} */
  let shown = [];
  let chosen = 0;
  /** @type {() => void} */
  let close = () => undefined;
  const choose = (/** @type {any} */ option) => {
    close();
    pick(option);
  };
  const tell = options.length > 8 ? tieList(search, rows) : () => undefined;
  const mark = () => {
    tell(chosen);
    for (const [index, row] of [...rows.children].entries()) row.classList.toggle("is-active", index === chosen);
    rows.children[chosen]?.scrollIntoView({ block: "nearest" });
  };
  const fill = () => {
    shown = find(entries, search.value, 400);
    chosen = Math.max(0, search.value === "" ? shown.indexOf(value) : 0);
    rows.replaceChildren(...shown.map((option) => make("div", {
      className: option === value ? "row is-current" : "row", role: "option", "aria-selected": String(option === value),
      title: wordOf(option), onclick: () => choose(option),
    }, wordOf(option))));
    if (shown.length === 0) rows.append(make("div", { className: "empty" }, options.length === 0 ? t("There is nothing to choose from.") : t("Nothing fits.")));
    mark();
  };
  panel.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      chosen = Math.max(0, Math.min(shown.length - 1, chosen + step));
      mark();
    } else if (event.key === "Enter" && shown.length > 0) choose(shown[chosen]);
  });
  followPointer(rows, (index) => (chosen = index));
  search.addEventListener("input", fill);
  close = show(panel, x, y);
  fill();
  placeAt(panel, x, y);
  (options.length > 8 ? search : rows).focus();
}
