/** The context menu of the ecosystem, shown as one of this page's. */

import { openMenu } from "../js/ui/menu.js";
import { attempt, page } from "./page.js";

/** Text of an entry that may hold markup. @param {any} text @returns {string} */
function plain(text) {
  return new DOMParser().parseFromString(String(text ?? ""), "text/html").body.textContent ?? "";
}

/**
 * Entries of the page's menu from those of the ecosystem.
 * @param {readonly any[]} values @param {any} options @param {any} owner what callbacks get as `this`
 * @returns {any[]}
 */
export function itemsFrom(values, options, owner) {
  /** @type {any[]} */
  const items = [];
  for (const value of values) {
    if (value === null || value === undefined) {
      items.push(null);
      continue;
    }
    const label = plain(typeof value === "string" ? value : value.content ?? value.title ?? value);
    items.push({ label, isDisabled: Boolean(value.disabled), run: () => choose(value, options, owner) });
  }
  return items;
}

function choose(value, options, owner) {
  const { event } = options;
  const node = options.extra;
  if (value?.submenu?.options) {
    new ContextMenu(value.submenu.options, { ...options, ...value.submenu, event });
    return;
  }
  const fallback = options.callback;
  if (typeof value?.callback === "function") attempt(`menu ${value.content}`, () => value.callback.call(owner, value, options, event, owner, node));
  else if (typeof fallback === "function") attempt("menu", () => fallback.call(node, value, options, event, owner, node));
  page.host.stir();
}

/** Opens a menu where the event was. Packs may put another class in its place. */
export class ContextMenu {
  constructor(values, options = {}) {
    this.values = values;
    this.options = options;
    this.root = document.createElement("div");
    const event = options.event ?? page.lastPointer ?? { clientX: innerWidth / 2, clientY: innerHeight / 2 };
    const items = itemsFrom(values ?? [], options, this);
    if (options.title) items.unshift({ label: plain(options.title), isDisabled: true, run: () => undefined }, null);
    openMenu(event.clientX, event.clientY, items);
    this.root = /** @type {HTMLElement} */ (document.querySelector(".menu:last-of-type")) ?? this.root;
  }

  close() {
    this.root.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
  }

  addItem(name, value, options = {}) {
    this.values.push(typeof value === "object" ? { content: name, ...value } : { content: name, callback: options.callback });
  }
}
