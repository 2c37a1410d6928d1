/** The search box for nodes: by name, id, category and pack, with filters and a look at what would be added. */

/** @import { Definition } from "../model/types.js" */

import { Library, choicesOf, sourceOf, OWN } from "../model/library.js";
import { t } from "../words.js";
import { followPointer, make, placeAt, tieList } from "./dom.js";
import { filterRow } from "./filters.js";
import { loadStyle } from "./styles.js";

const MOST_ROWS = 80;

/** @typedef {{x: number, y: number, type: string | null, definitions: readonly Definition[], uses: Readonly<Record<string, number>>,
 *   hasCard: boolean}} Options */

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
  constructor({ x, y, type, definitions, uses, hasCard }, pick) {
    this.pick = pick;
    this.before = document.activeElement;
    this.library = new Library(definitions, uses);
    /** @type {import("../model/library.js").Filters} */ this.filters = {};
    /** @type {Definition[]} */ this.shown = [];
    this.chosen = 0;
    const title = type ? t("Add a node for {type}", { type }) : t("Add a node");
    this.search = make("input", { className: "search", type: "text", placeholder: title, "aria-label": title, spellcheck: false, oninput: () => this.fill() });
    this.rows = make("div", { className: "rows", role: "listbox", "aria-label": title });
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
    this.shown = this.library.search(this.search.value, this.filters, MOST_ROWS);
    this.chosen = 0;
    this.rows.replaceChildren(...this.shown.map((definition) => row(definition, () => this.choose(definition))));
    if (this.shown.length === 0) this.rows.append(make("div", { className: "empty" }, t("Nothing fits.")));
    this.mark();
  }

  /** @private */
  mark() {
    for (const [index, one] of [...this.rows.children].entries()) {
      one.classList.toggle("is-active", index === this.chosen);
      one.setAttribute("aria-selected", String(index === this.chosen));
    }
    this.tell(this.chosen);
    this.rows.children[this.chosen]?.scrollIntoView({ block: "nearest" });
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

/** @param {Definition} definition @param {() => void} choose @returns {HTMLElement} */
function row(definition, choose) {
  const source = sourceOf(definition);
  return make("div", { className: "row", role: "option", onclick: choose },
    make("span", { className: "label" }, definition.name,
      definition.type === definition.name || definition.insert ? null : make("span", { className: "id" }, definition.type)),
    make("span", { className: "note" }, source === OWN || source === "page" || source === "subgraph" ? definition.category : source));
}

/** Shows what a node type looks like. @param {HTMLElement} place @param {Definition | undefined} definition */
async function showCard(place, definition) {
  place.dataset.type = definition?.type ?? "";
  if (!definition || place.hidden) return place.replaceChildren();
  const [{ nodeCard }] = await Promise.all([import("./nodecard.js"), loadStyle("side.css")]);
  if (place.dataset.type === definition.type) place.replaceChildren(nodeCard(definition));
}
