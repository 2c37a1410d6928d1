/** A place at an edge of the page where one of several panels is open, or none: what is open and how large is remembered. */

/** @import { Settings } from "../engine/settings.js" */
/** @import { Commands } from "../commands/registry.js" */

import { t } from "../words.js";
import { drawing, make, scaled } from "./dom.js";

/**
 * A panel. `icon` is the `d` of an SVG path in a box of 20 by 20, drawn as a line; `render` fills an empty element each time the
 * panel is opened and may return what is to be called when it is closed; lower `order` comes first.
 * @typedef {{id: string, title: string, icon?: string, keys?: readonly string[], order?: number, badge?: string,
 *   render: (element: HTMLElement) => (() => void) | void}} Panel
 */
/** @typedef {{name: string, strip: HTMLElement, place: HTMLElement, side: "left" | "bottom", size: number, smallest: number}} Shape */

const STEP = 16;

/** The panels of one edge. */
export class Dock {
  /** @param {Shape} shape @param {Settings} settings @param {Commands} commands */
  constructor(shape, settings, commands) {
    this.shape = shape;
    this.settings = settings;
    this.commands = commands;
    /** @type {Map<string, {panel: Panel, button: HTMLButtonElement, badge: HTMLElement}>} */ this.panels = new Map();
    /** @type {string | null} */ this.opened = null;
    /** @type {(() => void) | void} */ this.dispose = undefined;
    /** @type {Element | null} where the keyboard was when it was wanted in a panel that is still to come */ this.waiting = null;
    /** @type {Set<() => void>} called after the page was laid out anew */ this.listeners = new Set();
    this.setting = `layout.${shape.name}`;
    settings.define({ id: this.setting, kind: "record", fallback: { open: null, size: shape.size } });
    this.smallest = scaled(shape.smallest);
    const remembered = settings.get(this.setting);
    /** what to open as soon as it is there */ this.awaited = typeof remembered?.open === "string" ? remembered.open : null;
    this.size = Number.isFinite(remembered?.size) ? Math.max(this.smallest, remembered.size) : scaled(shape.size);
    this.title = make("h2", {});
    this.content = make("div", { className: "dock-content" });
    this.build();
  }

  /** @private */
  build() {
    const { place, strip, side } = this.shape;
    const close = make("button", { type: "button", className: "close", "aria-label": t("Close the panel"), onclick: () => this.close() }, "×");
    place.replaceChildren(this.edge(), make("header", { className: "dock-head" }, this.title, close), this.content);
    place.hidden = true;
    strip.hidden = true;
    place.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.stopPropagation();
      this.close();
    });
    strip.addEventListener("keydown", (event) => this.walk(event, side === "left" ? ["ArrowUp", "ArrowDown"] : ["ArrowLeft", "ArrowRight"]));
  }

  /** @private the border that can be dragged or moved with the arrow keys @returns {HTMLElement} */
  edge() {
    const { side, name } = this.shape;
    const edge = make("div", {
      className: "dock-edge", role: "separator", tabIndex: 0, "aria-orientation": side === "left" ? "vertical" : "horizontal",
      "aria-label": t("Size of the panel"), "aria-valuenow": String(this.size), "data-dock": name,
    });
    edge.addEventListener("pointerdown", (event) => {
      const start = side === "left" ? event.clientX : -event.clientY;
      const before = this.size;
      edge.setPointerCapture(event.pointerId);
      edge.onpointermove = (move) => this.resize(before + (side === "left" ? move.clientX : -move.clientY) - start);
      edge.onpointerup = () => {
        edge.onpointermove = null;
        this.remember();
      };
    });
    edge.addEventListener("keydown", (event) => {
      const grow = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (grow === undefined) return;
      event.preventDefault();
      this.resize(this.size + grow * STEP);
      this.remember();
    });
    return edge;
  }

  /** @private @param {number} size in CSS pixels */
  resize(size) {
    const most = (this.shape.side === "left" ? innerWidth : innerHeight) * 0.7;
    this.size = Math.round(Math.max(this.smallest, Math.min(most, size)));
    this.layOut();
  }

  /** @private */
  layOut() {
    const { place, side } = this.shape;
    place.style[side === "left" ? "width" : "height"] = `${this.size}px`;
    place.querySelector(".dock-edge")?.setAttribute("aria-valuenow", String(this.size));
    for (const listener of this.listeners) listener();
  }

  /** @private */
  remember() {
    this.settings.set(this.setting, { open: this.opened, size: this.size });
  }

  /**
   * Makes a panel known, with a button in the strip and a command "name-id"; one that was open when the page closed opens.
   * @param {Panel} panel
   * @returns {{dispose: () => void}}
   */
  add(panel) {
    const { id, title, icon, keys } = panel;
    if (this.panels.has(id)) throw new Error(`there is a panel ${id} already`);
    const badge = make("span", { className: "dock-badge", hidden: true });
    const button = make("button", {
      type: "button", className: "dock-button", title, "aria-label": title, "aria-pressed": "false", "data-panel": id,
      onclick: () => this.toggle(id),
    }, icon === undefined ? make("span", {}, title) : drawing(icon, 20), badge);
    this.panels.set(id, { panel, button, badge });
    this.setBadge(id, panel.badge ?? "");
    this.arrange();
    this.commands.add([{ id: `${this.shape.name}-${id}`, label: t("Panel: {title}", { title }), ...(keys ? { keys } : {}), run: () => this.toggle(id) }]);
    if (this.awaited === id) this.open(id, false);
    return { dispose: () => this.remove(id) };
  }

  /** @private */
  arrange() {
    const entries = [...this.panels.values()].sort((one, other) => (one.panel.order ?? 100) - (other.panel.order ?? 100));
    this.shape.strip.replaceChildren(...entries.map(({ button }) => button));
    this.shape.strip.hidden = entries.length === 0;
    for (const listener of this.listeners) listener();
  }

  /** Takes a panel away, with its button and its command. @param {string} id */
  remove(id) {
    if (!this.panels.has(id)) return;
    if (this.opened === id) this.close();
    this.panels.delete(id);
    this.commands.remove(`${this.shape.name}-${id}`);
    this.arrange();
  }

  /** A short text on the button of a panel, such as a count; nothing when empty. @param {string} id @param {string} text */
  setBadge(id, text) {
    const entry = this.panels.get(id);
    if (!entry || entry.badge.textContent === text) return;
    entry.badge.textContent = text;
    entry.badge.hidden = text === "";
    entry.button.setAttribute("aria-label", text === "" ? entry.panel.title : `${entry.panel.title} ${text}`);
  }

  /**
   * Opens a panel in place of the one that is open.
   * @param {string} id must have been added @param {boolean} focus whether the keyboard goes there
   */
  open(id, focus = true) {
    const entry = this.panels.get(id);
    if (!entry) throw new Error(`there is no panel ${id}`);
    this.waiting = focus ? document.activeElement : null;
    if (this.opened !== id) {
      this.empty();
      this.opened = id;
      this.title.textContent = entry.panel.title;
      this.shape.place.hidden = false;
      this.shape.place.setAttribute("aria-label", entry.panel.title);
      entry.button.setAttribute("aria-pressed", "true");
      this.layOut();
      this.dispose = entry.panel.render(this.content);
      this.remember();
    }
    if (focus) this.focus();
  }

  /** What a panel shows has come later than the panel: the keyboard goes there, unless it has gone elsewhere since. */
  arrived() {
    const now = document.activeElement;
    if (this.waiting !== null && (now === this.waiting || now === document.body)) this.focus();
    this.waiting = null;
  }

  /** @private */
  focus() {
    const first = /** @type {HTMLElement | null} */ (this.content.querySelector("[autofocus], input, button, [tabindex='0']"));
    first?.focus({ preventScroll: true });
  }

  /** @private */
  empty() {
    this.dispose?.();
    this.dispose = undefined;
    this.content.replaceChildren();
    if (this.opened !== null) this.panels.get(this.opened)?.button.setAttribute("aria-pressed", "false");
    this.opened = null;
  }

  /** Closes what is open; the keyboard goes back to the canvas if it was in there. */
  close() {
    if (this.opened === null) return;
    const hadFocus = this.shape.place.contains(document.activeElement);
    this.empty();
    this.shape.place.hidden = true;
    this.awaited = null;
    this.remember();
    for (const listener of this.listeners) listener();
    if (hadFocus) document.getElementById("stage")?.focus();
  }

  /** @param {string} id */
  toggle(id) {
    if (this.opened === id) this.close();
    else this.open(id);
  }

  /** @private @param {KeyboardEvent} event @param {readonly string[]} keys back and forth */
  walk(event, keys) {
    const step = keys.indexOf(event.key) * 2 - 1;
    const buttons = [...this.shape.strip.querySelectorAll("button")];
    const index = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    if (!keys.includes(event.key) || index < 0) return;
    event.preventDefault();
    buttons[(index + step + buttons.length) % buttons.length].focus();
  }
}
