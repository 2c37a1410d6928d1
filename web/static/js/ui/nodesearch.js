/** The search box for nodes: by name, id, category and pack, with filters and a look at what would be added. */

/** @import { Definition } from "../model/types.js" */

import { Library, choicesOf, sourceOf, OWN } from "../model/library.js";
import { t } from "../words.js";
import { followPointer, make, placeAt, tieList } from "./dom.js";
import { filterRow } from "./filters.js";
import { loadStyle } from "./styles.js";

const MOST_FOUND = 80;
/** So many are in the page at first, more than are in sight; the others come when they are wanted. */
const ROWS = 16;

/** @typedef {{x: number, y: number, type: string | null, definitions: readonly Definition[], uses: Readonly<Record<string, number>>,
 *   hasCard: boolean, query: string}} Options `query` is what was typed already */

/** @type {NodeSearch | null} */
let open = null;

/**
 * Opens the search; calls `pick` with what was chosen. `type` is that of the link that waits.
 * @param {Options} options @param {(definition: Definition) => void} pick
 */
export function openNodeSearch(options, pick) {
  open?.close();
  open = new NodeSearch(options, pick);
}

class NodeSearch {
  /** @param {Options} options @param {(definition: Definition) => void} pick */
  constructor({ x, y, type, definitions, uses, hasCard, query }, pick) {
    this.pick = pick;
    this.before = document.activeElement;
    this.library = new Library(definitions, uses);
    /** @type {import("../model/library.js").Filters} */ this.filters = {};
    /** @type {Definition[]} */ this.shown = [];
    this.chosen = 0;
    const title = type ? t("Add a node for {type}", { type }) : t("Add a node");
    this.search = make("input", { className: "search", type: "text", value: query, placeholder: title, "aria-label": title, spellcheck: false, oninput: () => this.fill() });
    this.rows = make("div", { className: "rows", role: "listbox", "aria-label": title });
    this.rows.addEventListener("scroll", () => this.rows.scrollTop > 0 && this.draw(MOST_FOUND), { passive: true });
    /** @type {Row[]} made once, dressed at each key */ this.made = [];
    this.empty = make("div", { className: "empty" }, t("Nothing fits."));
    this.tell = tieList(this.search, this.rows);
    this.look = make("aside", { className: "look", "aria-hidden": "true", hidden: !hasCard });
    const filters = filterRow(choicesOf(definitions), (chosen) => {
      this.filters = chosen;
      this.fill();
    });
    this.panel = make("div", { className: "panel palette node-search", role: "dialog", "aria-label": title, onkeydown: (/** @type {KeyboardEvent} */ event) => this.press(event) },
      make("div", { className: "node-search-list" }, this.search, filters, this.rows,
        make("div", { className: "hint" }, type ? t("Enter adds the node and links it") : t("Enter adds the node"))), this.look);
    followPointer(this.rows, (index) => {
      this.chosen = index;
      void showCard(this.look, this.shown[index]);
    });
    document.body.append(this.panel);
    this.fill();
    placeAt(this.panel, x, y);
    this.outside = (/** @type {Event} */ event) => {
      if (!this.panel.contains(/** @type {globalThis.Node} */ (event.target))) this.close();
    };
    addEventListener("pointerdown", this.outside, true);
    this.search.focus();
  }

  /** The keyboard goes back to where it was. */
  close() {
    if (open !== this) return;
    open = null;
    removeEventListener("pointerdown", this.outside, true);
    this.panel.remove();
    if (this.before instanceof HTMLElement) this.before.focus({ preventScroll: true });
  }

  /** @private @param {Definition | undefined} definition */
  choose(definition) {
    if (!definition) return;
    this.close();
    this.pick(definition);
  }

  /** @private */
  fill() {
    if (this.rows.scrollTop > 0) this.rows.scrollTop = 0;
    this.shown = this.library.search(this.search.value, this.filters, MOST_FOUND);
    this.chosen = 0;
    this.rows.replaceChildren(...(this.shown.length > 0 ? [] : [this.empty]));
    this.draw(ROWS);
    this.mark();
  }

  /** @private at least so many rows, as far as there are @param {number} count */
  draw(count) {
    for (let index = this.shown.length > 0 ? this.rows.childElementCount : 0; index < Math.min(count, this.shown.length); index += 1) {
      const row = this.made[index] ??= newRow(index, () => this.choose(this.shown[index]));
      dress(row, this.shown[index], this.shown.length);
      this.rows.append(row.element);
    }
  }

  /** @private */
  mark() {
    this.draw(this.chosen + ROWS);
    for (const [index, { element }] of this.made.entries()) {
      if (element.classList.toggle("is-active", index === this.chosen) !== (element.ariaSelected === "true")) {
        element.ariaSelected = String(index === this.chosen);
      }
    }
    this.tell(this.chosen);
    if (this.chosen > 0 || this.rows.scrollTop > 0) this.rows.children[this.chosen]?.scrollIntoView({ block: "nearest" });
    void showCard(this.look, this.shown[this.chosen]);
  }

  /** @private @param {KeyboardEvent} event */
  press(event) {
    event.stopPropagation();
    const isList = /** @type {HTMLElement} */ (event.target).tagName !== "SELECT";
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step !== undefined && isList) {
      event.preventDefault();
      this.chosen = Math.max(0, Math.min(this.shown.length - 1, this.chosen + step));
      this.mark();
    } else if (event.key === "Enter" && isList) this.choose(this.shown[this.chosen]);
    else if (event.key === "Escape") this.close();
  }
}

/** @typedef {{element: HTMLElement, name: Text, id: HTMLElement, note: HTMLElement}} Row */

/** @param {number} index @param {() => void} choose @returns {Row} */
function newRow(index, choose) {
  const name = document.createTextNode("");
  const id = make("span", { className: "id" });
  const note = make("span", { className: "note" });
  const element = make("div", { className: "row", role: "option", "aria-posinset": String(index + 1), onclick: choose },
    make("span", { className: "label" }, name, id), note);
  return { element, name, id, note };
}

/** Lets a row say something else; what stays as it was costs nothing. @param {Row} row @param {Definition} definition @param {number} count */
function dress({ element, name, id, note }, definition, count) {
  const source = sourceOf(definition);
  const isOwn = source === OWN || source === "page" || source === "subgraph";
  if (name.data !== definition.name) name.data = definition.name;
  write(id, definition.type === definition.name || definition.insert ? "" : definition.type);
  write(note, isOwn ? definition.category : source);
  if (element.ariaSetSize !== String(count)) element.ariaSetSize = String(count);
}

/** @param {HTMLElement} element @param {string} text */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows what a node type looks like. @param {HTMLElement} place @param {Definition | undefined} definition */
async function showCard(place, definition) {
  if (place.dataset.type === definition?.type && place.childElementCount > 0) return;
  place.dataset.type = definition?.type ?? "";
  if (!definition || place.hidden) return place.replaceChildren();
  const [{ nodeCard }] = await Promise.all([import("./nodecard.js"), loadStyle("side.css")]);
  if (place.dataset.type === definition.type) place.replaceChildren(nodeCard(definition));
}
