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
    this.body.setAttribute("role", parts.some(({ count }) => count > 0) ? this.role : "group");
    this.draw();
  }

  /** @private @param {number} part @returns {number} where a part begins */
  topOf(part) {
    return this.parts.slice(0, part).reduce((sum, { heading, count }) => sum + (heading ? this.headingHeight : 0) + count * this.rowHeight, 0);
  }

  /** Makes what is in sight. */
  draw() {
    this.frame = 0;
    const focused = this.body.contains(document.activeElement) ? this.current : null;
    const from = this.element.scrollTop - MARGIN_ROWS * this.rowHeight;
    const to = this.element.scrollTop + this.element.clientHeight + MARGIN_ROWS * this.rowHeight;
    /** @type {HTMLElement[]} */
    const shown = [];
    for (const [part, { heading, count, render }] of this.parts.entries()) {
      let top = this.topOf(part);
      if (heading) {
        shown.push(placed(heading, top));
        top += this.headingHeight;
      }
      const first = Math.max(0, Math.floor((from - top) / this.rowHeight));
      const last = Math.min(count, Math.ceil((to - top) / this.rowHeight));
      for (let index = first; index < last; index += 1) shown.push(this.row(part, index, top, render));
    }
    this.body.style.height = `${this.topOf(this.parts.length)}px`;
    this.body.replaceChildren(...shown);
    if (focused !== null) this.find(focused)?.focus({ preventScroll: true });
  }

  /** @private @param {number} part @param {number} index @param {number} top @param {Part["render"]} render */
  row(part, index, top, render) {
    const row = placed(render(index), top + index * this.rowHeight);
    const name = `${part}:${index}`;
    row.dataset.place = name;
    row.tabIndex = name === (this.current ?? "") || (this.current === null && index === 0) ? 0 : -1;
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
