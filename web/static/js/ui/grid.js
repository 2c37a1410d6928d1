/** A grid of any number of cells of which only those in sight are in the page. */

import { VirtualList } from "./virtual.js";
import { make, scaled } from "./dom.js";

const GAP = 8;
const EDGE = 12;

/** Cells of one size, as many in a row as fit. */
export class Grid {
  /** @param {{label: string, size: number, foot: number, cell: (index: number) => HTMLElement}} options in pixels; `foot` is what lies below */
  constructor({ label, size, foot, cell }) {
    this.size = scaled(size);
    this.gap = scaled(GAP);
    this.foot = scaled(foot);
    this.cell = cell;
    this.count = 0;
    this.columns = 1;
    this.current = 0;
    this.list = new VirtualList({ rowHeight: size + foot + GAP, headingHeight: 0, label });
    this.element = this.list.element;
    this.element.addEventListener("keydown", (event) => this.press(event));
    this.observer = new ResizeObserver(() => this.lay());
    this.observer.observe(this.element);
  }

  /** Lets go of the page. */
  dispose() {
    this.observer.disconnect();
    this.list.dispose();
  }

  /** Shows so many cells, each made anew. @param {number} count */
  fill(count) {
    this.count = count;
    this.current = Math.max(0, Math.min(this.current, count - 1));
    this.lay();
  }

  /** @private */
  lay() {
    const width = this.element.clientWidth - 2 * scaled(EDGE);
    this.columns = Math.max(1, Math.floor((width + this.gap) / (this.size + this.gap)));
    const side = Math.max(60, Math.floor((width - (this.columns - 1) * this.gap) / this.columns));
    this.list.rowHeight = side + this.foot + this.gap;
    const hadFocus = this.element.contains(document.activeElement) && document.activeElement !== this.element;
    this.list.fill([{ heading: null, count: Math.ceil(this.count / this.columns), render: (row) => this.row(row, side) }]);
    if (hadFocus) this.find(this.current)?.focus({ preventScroll: true });
  }

  /** @private @param {number} row @param {number} side @returns {HTMLElement} */
  row(row, side) {
    const element = make("div", { className: "grid-row", role: "listitem" });
    for (let index = row * this.columns; index < Math.min(this.count, (row + 1) * this.columns); index += 1) {
      const cell = this.cell(index);
      cell.style.width = `${side}px`;
      cell.style.height = `${side + this.foot}px`;
      cell.dataset.index = String(index);
      cell.tabIndex = index === this.current ? 0 : -1;
      cell.addEventListener("focus", () => this.mark(index));
      element.append(cell);
    }
    return element;
  }

  /** @private the cell that the keyboard comes to @param {number} index */
  mark(index) {
    const before = this.find(this.current);
    if (before) before.tabIndex = -1;
    this.current = index;
    const cell = this.find(index);
    if (cell) cell.tabIndex = 0;
  }

  /** @private @param {number} index @returns {HTMLElement | null} */
  find(index) {
    return this.element.querySelector(`[data-index="${index}"]`);
  }

  /** Moves the keyboard to a cell. @param {number} index */
  go(index) {
    this.mark(Math.max(0, Math.min(this.count - 1, index)));
    const top = Math.floor(this.current / this.columns) * this.list.rowHeight;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.list.rowHeight > scrollTop + clientHeight) this.element.scrollTop = top + this.list.rowHeight - clientHeight;
    this.list.draw();
    this.find(this.current)?.focus({ preventScroll: true });
  }

  /** @private @param {KeyboardEvent} event */
  press(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns, Home: -this.count, End: this.count }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.go(this.current + step);
  }
}
