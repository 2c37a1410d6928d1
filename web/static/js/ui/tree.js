/** A tree of folders and leaves of any size: only what is in sight is in the page; what is open is remembered. */

/** @import { Settings } from "../engine/settings.js" */
/** @import { Folder } from "../model/library.js" */
/** @import { Definition } from "../model/types.js" */
/** @import { Item } from "./menu.js" */

import { sizeOf } from "../model/library.js";
import { make } from "./dom.js";
import { openMenu } from "./menu.js";
import { VirtualList } from "./virtual.js";

/**
 * A folder has `children`, a leaf an `item`, or `run`, which is what choosing it does; a `hint` stands beside its name.
 * @template T
 * @typedef {{id: string, label: string, note?: string, hint?: string, children?: readonly Branch<T>[], item?: T, run?: () => void}} Branch
 */
/**
 * @template T
 * @typedef {{branch: Branch<T>, depth: number}} Row
 */

const ROW_HEIGHT = 30;
const INDENT_REM = 0.9;

/** @param {Definition} definition @returns {Branch<Definition>} */
export function leaf(definition) {
  return { id: definition.type, label: definition.name, item: definition };
}

/** Folders of node types as branches. @param {Folder} folder @param {string} [root] before the path of each @returns {Branch<Definition>[]} */
export function branches({ folders, nodes }, root) {
  return [
    ...folders.map((folder) => ({
      id: root === undefined ? folder.path : `${root}/${folder.path}`, label: folder.name, note: String(sizeOf(folder)), children: branches(folder, root),
    })),
    ...nodes.map(leaf),
  ];
}

/** @template T */
export class Tree {
  /**
   * @param {{settings: Settings, setting: string, label: string, activate: (item: T) => void,
   *   dress?: (row: HTMLElement, item: T) => void, menu?: (branch: Branch<T>) => Item[]}} options
   *   `setting` keeps which folders are open; `dress` adds to the row of a leaf; `menu` is what the right button offers
   */
  constructor({ settings, setting, label, activate, dress, menu }) {
    this.settings = settings;
    this.setting = setting;
    this.activate = activate;
    this.dress = dress;
    this.menu = menu;
    if (!settings.definitions.has(setting)) settings.define({ id: setting, kind: "record", fallback: [] });
    /** @type {Set<string>} */ this.opened = new Set(settings.get(setting));
    /** @type {readonly Branch<T>[]} */ this.branches = [];
    /** @type {Row<T>[]} */ this.rows = [];
    this.isAllOpen = false;
    this.list = new VirtualList({ rowHeight: ROW_HEIGHT, headingHeight: 0, label, role: "tree" });
    this.element = this.list.element;
    this.element.addEventListener("keydown", (event) => this.press(event));
  }

  /** Lets the keyboard come here from a search line. @param {HTMLElement} search */
  follow(search) {
    search.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown") return;
      event.preventDefault();
      this.list.step(0);
    });
  }

  /** Lets go of the page. */
  dispose() {
    this.list.dispose();
  }

  /** Shows other branches; all open while something is searched. @param {readonly Branch<T>[]} branches @param {boolean} isAllOpen */
  fill(branches, isAllOpen = false) {
    this.branches = branches;
    this.isAllOpen = isAllOpen;
    this.rows = [];
    const walk = (/** @type {readonly Branch<T>[]} */ these, /** @type {number} */ depth) => {
      for (const branch of these) {
        this.rows.push({ branch, depth });
        if (branch.children && this.isOpen(branch)) walk(branch.children, depth + 1);
      }
    };
    walk(branches, 0);
    this.list.fill([{ heading: null, count: this.rows.length, render: (index) => this.row(this.rows[index]) }]);
  }

  /** @private @param {Branch<T>} branch */
  isOpen(branch) {
    return this.isAllOpen || this.opened.has(branch.id);
  }

  /** @private @param {Branch<T>} branch @param {boolean} isOpen */
  setOpen(branch, isOpen) {
    if (isOpen) this.opened.add(branch.id);
    else this.opened.delete(branch.id);
    this.settings.set(this.setting, [...this.opened]);
    this.fill(this.branches, this.isAllOpen && isOpen);
  }

  /** @private @param {Row<T>} entry @returns {HTMLElement} */
  row({ branch, depth }) {
    const isFolder = branch.children !== undefined;
    const element = make("div", {
      className: isFolder ? "tree-row is-folder" : "tree-row", role: "treeitem", "aria-level": String(depth + 1), title: branch.hint ? `${branch.label}: ${branch.hint}` : branch.label,
      onclick: () => this.use(branch),
      oncontextmenu: (/** @type {MouseEvent} */ event) => {
        if (this.openMenu(branch, event.clientX, event.clientY)) event.preventDefault();
      },
    }, make("span", { className: "tree-mark" }, isFolder ? (this.isOpen(branch) ? "▾" : "▸") : ""),
    make("span", { className: "label" }, branch.label, branch.hint ? make("span", { className: "hint" }, branch.hint) : null),
    make("span", { className: "note" }, branch.note ?? ""));
    element.style.paddingInlineStart = `${0.5 + depth * INDENT_REM}rem`;
    if (isFolder) element.setAttribute("aria-expanded", String(this.isOpen(branch)));
    else if (branch.item !== undefined) this.dress?.(element, branch.item);
    return element;
  }

  /** @private @param {Branch<T>} branch */
  use(branch) {
    if (branch.children) this.setOpen(branch, !this.isOpen(branch));
    else if (branch.item !== undefined) this.activate(branch.item);
    else branch.run?.();
  }

  /** @private @param {Branch<T>} branch @param {number} x @param {number} y @returns {boolean} whether there is a menu */
  openMenu(branch, x, y) {
    const items = this.menu?.(branch) ?? [];
    if (items.length > 0) openMenu(x, y, items);
    return items.length > 0;
  }

  /** @private @param {KeyboardEvent} event */
  press(event) {
    const index = Number((this.list.current ?? "0:0").split(":")[1]);
    const branch = this.rows[index]?.branch;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (step !== undefined) this.list.step(step);
    else if (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) {
      const { left, bottom } = /** @type {HTMLElement} */ (event.target).getBoundingClientRect();
      if (!branch || !this.openMenu(branch, left + 40, bottom)) return;
    }
    else if (event.key === "Enter" && branch) this.use(branch);
    else if (event.key === "ArrowRight" && branch?.children) this.setOpen(branch, true);
    else if (event.key === "ArrowLeft" && branch?.children && this.isOpen(branch)) this.setOpen(branch, false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
