/** A list of any length of which only what is in sight is in the page. */

import { make, scaled } from "./dom.js";

/**
 * A part of the list: a heading and rows. `render` makes the row at a place; it is called again when the list is filled anew.
 * @typedef {{heading: HTMLElement | null, count: number, render: (index: number) => HTMLElement}} Part
 */

const MARGIN_ROWS = 6;

/** Rows of one height, with headings of another. */
export class VirtualList {
  /** @param {{rowHeight: number, headingHeight: number, label: string, role?: string}} shape heights in pixels of usual letters */
  constructor({ rowHeight, headingHeight, label, role = "list" }) {
    this.role = role;
    this.rowHeight = scaled(rowHeight);
    this.headingHeight = scaled(headingHeight);
    this.body = make("div", { className: "virtual-body", role, "aria-label": label });
    this.element = make("div", { className: "virtual", tabIndex: -1 }, this.body);
    /** @type {readonly Part[]} */ this.parts = [];
    /** @type {Map<string, HTMLElement>} the rows in the page by their "part:index" */ this.made = new Map();
    /** @type {string | null} "part:index" of the row that has or had the keyboard */ this.current = null;
    this.frame = 0;
    this.element.addEventListener("scroll", () => (this.frame ||= requestAnimationFrame(() => this.draw())), { passive: true });
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
  }

  /** Lets go of the page. */
  dispose() {
    this.observer.disconnect();
  }

  /** Shows other content; the place in the list stays. @param {readonly Part[]} parts */
  fill(parts) {
    this.parts = parts;
    this.made.clear();
    this.body.setAttribute("role", parts.some(({ count }) => count > 0) ? this.role : "group");
    this.draw();
  }

  /** Makes the rows of one part anew. @param {number} part */
  renew(part) {
    for (const name of [...this.made.keys()]) if (name.startsWith(`${part}:`)) this.made.delete(name);
    this.draw();
  }

  /** @private @param {number} part @returns {number} where a part begins */
  topOf(part) {
    return this.parts.slice(0, part).reduce((sum, { heading, count }) => sum + (heading ? this.headingHeight : 0) + count * this.rowHeight, 0);
  }

  /** Shows what is in sight; rows that were there stay as they are. */
  draw() {
    this.frame = 0;
    const focused = this.body.contains(document.activeElement) ? this.current : null;
    const from = this.element.scrollTop - MARGIN_ROWS * this.rowHeight;
    const to = this.element.scrollTop + this.element.clientHeight + MARGIN_ROWS * this.rowHeight;
    /** @type {HTMLElement[]} */
    const shown = [];
    const before = this.made;
    this.made = new Map();
    for (const [part, { heading, count, render }] of this.parts.entries()) {
      let top = this.topOf(part);
      if (heading) {
        shown.push(placed(heading, top));
        top += this.headingHeight;
      }
      const first = Math.max(0, Math.floor((from - top) / this.rowHeight));
      const last = Math.min(count, Math.ceil((to - top) / this.rowHeight));
      for (let index = first; index < last; index += 1) {
        const name = `${part}:${index}`;
        const row = before.get(name) ?? this.row(name, render(index));
        row.tabIndex = name === this.current || (this.current === null && index === 0) ? 0 : -1;
        this.made.set(name, row);
        shown.push(placed(row, top + index * this.rowHeight));
      }
    }
    this.body.style.height = `${this.topOf(this.parts.length)}px`;
    this.show(shown);
    if (focused !== null && !this.body.contains(document.activeElement)) this.find(focused)?.focus({ preventScroll: true });
  }

  /** Puts rows into the page; those that are there already are not touched. @private @param {readonly HTMLElement[]} shown in their order */
  show(shown) {
    const kept = new Set(shown);
    for (const row of [...this.body.children]) if (!kept.has(/** @type {HTMLElement} */ (row))) row.remove();
    let next = this.body.firstChild;
    for (const row of shown) {
      if (row === next) next = row.nextSibling;
      else this.body.insertBefore(row, next);
    }
  }

  /** @private @param {string} name @param {HTMLElement} row */
  row(name, row) {
    row.dataset.place = name;
    row.addEventListener("focus", () => (this.current = name));
    return row;
  }

  /** @private @param {string} place @returns {HTMLElement | null} */
  find(place) {
    return this.body.querySelector(`[data-place="${place}"]`);
  }

  /** Moves the keyboard to another row, across parts. @param {number} step */
  step(step) {
    const [part, index] = (this.current ?? "0:-1").split(":").map(Number);
    let place = this.parts.slice(0, part).reduce((sum, { count }) => sum + count, 0) + index + step;
    for (const [number, { count, heading }] of this.parts.entries()) {
      if (place < count) {
        if (place < 0) return;
        const top = this.topOf(number) + (heading ? this.headingHeight : 0) + place * this.rowHeight;
        const { scrollTop, clientHeight } = this.element;
        if (top < scrollTop) this.element.scrollTop = top - this.headingHeight;
        else if (top + this.rowHeight > scrollTop + clientHeight) this.element.scrollTop = top + this.rowHeight - clientHeight;
        this.current = `${number}:${place}`;
        this.draw();
        return this.find(this.current)?.focus({ preventScroll: true });
      }
      place -= count;
    }
  }
}

/** @param {HTMLElement} element @param {number} top */
function placed(element, top) {
  element.style.transform = `translateY(${top}px)`;
  return element;
}
