/** Real inputs over the canvas: a text area where a text is pointed at, a line where a value is typed. */

/** @import { Bounds, Node } from "../model/types.js" */
/** @import { View } from "./view.js" */

import { chooseWord, setGroup, setTitle, setValue } from "../model/commands.js";
import { inputSlot, titleOf } from "../model/slots.js";
import { t } from "../words.js";
import { fitted, shownValue, typedNumber } from "../widgets/values.js";

/**
 * @typedef {{node: string, name: string, element: HTMLInputElement | HTMLTextAreaElement, bounds: () => Bounds | null,
 *   commit: () => void, cancelled: boolean}} Open
 */

/** At most one input at a time, placed by one transform. */
export class DomWidgets {
  /** @param {View} view @param {HTMLElement} layer */
  constructor(view, layer) {
    this.view = view;
    this.layer = layer;
    /** @type {Open | null} */ this.open = null;
    this.serial = 0;
  }

  /** @param {string} node @param {string} name @returns {boolean} */
  isOpen(node, name) {
    return this.open !== null && this.open.node === node && this.open.name === name;
  }

  /** Whether a person is typing. */
  get isFocused() {
    return this.open !== null && document.activeElement === this.open.element;
  }

  /** @param {Node} node @param {string} name @returns {Bounds | null} */
  widgetBounds(node, name) {
    const present = this.view.store.graph.nodes.get(node.id);
    const place = present && this.view.scene.shape(present).widgets.find(({ slot }) => slot.name === name);
    return place?.bounds ?? null;
  }

  /**
   * Lays a text area over a multi-line text.
   * @param {Node} node @param {string} name
   */
  openText(node, name) {
    if (this.isOpen(node.id, name)) return;
    const slot = inputSlot(this.view.store.definitions, node, name);
    if (!slot) return;
    const area = document.createElement("textarea");
    area.className = "text-widget";
    area.value = String(node.values[name] ?? "");
    area.placeholder = slot.widget?.placeholder || slot.label;
    area.setAttribute("aria-label", `${titleOf(this.view.store.definitions, node)}: ${slot.label}`);
    area.spellcheck = this.view.choices.spelling;
    const gesture = `text:${this.serial++}`;
    const commit = () => {
      const present = this.view.store.graph.nodes.get(node.id);
      if (!present || present.values[name] === area.value) return;
      this.view.store.run("Edit text", (change) => setValue(change, node.id, name, area.value), gesture);
    };
    area.addEventListener("input", commit);
    this.mount({ node: node.id, name, element: area, bounds: () => this.widgetBounds(node, name), commit, cancelled: false });
  }

  /**
   * Lays a line over a number or a short text.
   * @param {Node} node @param {string} name
   */
  openLine(node, name) {
    const slot = inputSlot(this.view.store.definitions, node, name);
    const widget = slot?.widget;
    if (!slot || !widget) return;
    const line = document.createElement("input");
    line.className = "line-widget";
    line.value = shownValue(widget, node.values[name]);
    line.setAttribute("aria-label", slot.label);
    line.spellcheck = false;
    const isNumber = widget.kind === "int" || widget.kind === "float";
    if (isNumber) line.inputMode = "decimal";
    const commit = () => {
      const number = isNumber ? typedNumber(line.value) : null;
      if (isNumber && number === null) return;
      const value = number === null ? line.value : fitted(widget, number, false);
      const { store } = this.view;
      if (store.graph.nodes.has(node.id)) {
        store.run(`Set ${slot.label}`, (change) => chooseWord(change, store.definitions, node.id, name, value));
      }
    };
    this.mount({ node: node.id, name, element: line, bounds: () => this.widgetBounds(node, name), commit, cancelled: false });
    line.focus();
    line.select();
  }

  /**
   * Lays a line over the title of a node.
   * @param {Node} node
   */
  openTitle(node) {
    const line = document.createElement("input");
    line.className = "line-widget title-widget";
    line.value = titleOf(this.view.store.definitions, node);
    line.setAttribute("aria-label", t("Title of the node"));
    const commit = () => {
      const present = this.view.store.graph.nodes.get(node.id);
      const typed = line.value.trim();
      if (!present) return;
      const usual = titleOf(this.view.store.definitions, { ...present, title: null });
      const title = typed === "" || typed === usual ? null : typed;
      if (title !== present.title) this.view.store.run("Rename node", (change) => setTitle(change, node.id, title));
    };
    const bounds = () => {
      const present = this.view.store.graph.nodes.get(node.id);
      if (!present) return null;
      const [x, y, width, height] = this.view.scene.shape(present).title;
      return /** @type {Bounds} */ ([x + 20, y + 4, width - 28, height - 8]);
    };
    this.mount({ node: node.id, name: "\0title", element: line, bounds, commit, cancelled: false });
    line.focus();
    line.select();
  }

  /**
   * Lays a line over the title of a group.
   * @param {import("../model/types.js").Group} group
   */
  openGroup(group) {
    const line = document.createElement("input");
    line.className = "line-widget title-widget";
    line.value = group.title;
    line.setAttribute("aria-label", t("Title of the group"));
    const present = () => this.view.store.graph.groups.get(group.id);
    const commit = () => {
      const title = line.value.trim();
      if (present() && title !== "" && title !== present()?.title) this.view.store.run("Rename group", (change) => setGroup(change, group.id, { title }));
    };
    const bounds = () => {
      const now = present();
      return now ? /** @type {Bounds} */ ([now.bounds[0] + 6, now.bounds[1] + 5, Math.min(now.bounds[2] - 12, 260), 24]) : null;
    };
    this.mount({ node: group.id, name: "\0group", element: line, bounds, commit, cancelled: false });
    line.focus();
    line.select();
  }

  /** @param {Open} open */
  mount(open) {
    this.close();
    this.open = open;
    const { element } = open;
    element.addEventListener("keydown", (event) => this.key(/** @type {KeyboardEvent} */ (event), open));
    element.addEventListener("blur", () => this.finish(open));
    this.layer.append(element);
    this.place();
    this.view.redraw();
  }

  /** @param {KeyboardEvent} event @param {Open} open */
  key(event, open) {
    const isArea = open.element instanceof HTMLTextAreaElement;
    if (event.key === "Escape") {
      open.cancelled = !isArea;
      open.element.blur();
      event.stopPropagation();
    } else if (event.key === "Enter" && !isArea && !event.ctrlKey && !event.metaKey) {
      open.element.blur();
      event.stopPropagation();
    } else if (event.key === "Tab") {
      event.preventDefault();
      this.next(open, event.shiftKey ? -1 : 1);
    } else if (event.key === "Enter") open.commit();
  }

  /**
   * Goes to the next value of the node that can be typed.
   * @param {Open} open @param {1 | -1} direction
   */
  next(open, direction) {
    const node = this.view.store.graph.nodes.get(open.node);
    if (!node) return;
    const places = this.view.scene.shape(node).widgets.filter(({ slot }) =>
      !["toggle", "combo", "button", "custom"].includes(slot.widget?.kind ?? "") && !this.view.store.graph.linkInto(node.id, slot.name));
    const index = places.findIndex(({ slot }) => slot.name === open.name);
    open.element.blur();
    const place = places[(index + direction + places.length) % places.length];
    const present = this.view.store.graph.nodes.get(open.node);
    if (place && present) this.edit(present, place.slot.name);
  }

  /**
   * Opens the input that fits a value and puts the cursor in it.
   * @param {Node} node @param {string} name
   */
  edit(node, name) {
    if (inputSlot(this.view.store.definitions, node, name)?.widget?.kind !== "text") return this.openLine(node, name);
    this.openText(node, name);
    this.open?.element.focus();
  }

  /** @param {Open} open */
  finish(open) {
    if (this.open !== open) return;
    this.open = null;
    if (!open.cancelled) open.commit();
    open.element.remove();
    this.view.redraw();
  }

  /** Closes what is open and keeps its value. */
  close() {
    if (this.open) this.finish(this.open);
  }

  /** Takes over what a command changed under an open text; closes it when its node is gone. */
  follow() {
    const { open } = this;
    if (!open) return;
    const node = this.view.store.graph.nodes.get(open.node);
    if (open.bounds() === null) {
      open.cancelled = true;
      return this.finish(open);
    }
    if (node && open.element instanceof HTMLTextAreaElement) {
      const value = String(node.values[open.name] ?? "");
      if (open.element.value !== value) open.element.value = value;
    }
  }

  /** Puts the open input where its widget is. */
  place() {
    const bounds = this.open?.bounds();
    if (!this.open || !bounds) return;
    const { camera } = this.view;
    const [x, y] = camera.toScreen(bounds[0], bounds[1]);
    const { style } = this.open.element;
    style.width = `${bounds[2]}px`;
    style.height = `${bounds[3]}px`;
    style.transform = `translate(${x}px, ${y}px) scale(${camera.scale})`;
  }
}
