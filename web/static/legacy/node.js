/** A node as packs know it. Its fields are plain; the host takes over what changed in them, and tells it what the document changed. */

import { LiteGraph } from "./litegraph.js";
import { invoke, page } from "./page.js";
import { connecting } from "./connecting.js";
import { DOMWidget, Widget, isHidden } from "./widgets.js";

const INPUT = 1;

/** The base of all node classes. */
export class LGraphNode {
  constructor(title) {
    this.title = title ?? this.constructor.title ?? "";
    this.id = -1;
    this.type = this.constructor.type ?? "";
    this.graph = null;
    this.pos = [10, 10];
    this.size = [LiteGraph.NODE_WIDTH, 60];
    this.mode = 0;
    this.order = 0;
    this.flags = {};
    this.properties = {};
    this.properties_info = [];
    this.inputs = [];
    this.outputs = [];
    this.connections = [];
    this.badges = [];
    this.serialize_widgets = undefined;
  }

  get comfyClass() {
    return this._comfyClass ?? this.constructor.comfyClass;
  }

  set comfyClass(name) {
    this._comfyClass = name;
  }

  get selected() {
    return page.host.isSelected(this);
  }

  get renderingColor() {
    return this.color || LiteGraph.NODE_DEFAULT_COLOR;
  }

  getTitle() {
    return this.title || this.constructor.title;
  }

  toString() {
    return this.getTitle();
  }

  // --- slots

  addInput(name, type, extra) {
    const input = { name, type: type ?? 0, link: null, boundingRect: [0, 0, 0, 0], ...extra };
    this.inputs ??= [];
    this.inputs.push(input);
    invoke(this, "onInputAdded", input);
    page.host.slotsChanged(this);
    return input;
  }

  addOutput(name, type, extra) {
    const output = { name, type: type ?? 0, links: null, boundingRect: [0, 0, 0, 0], ...extra };
    this.outputs ??= [];
    this.outputs.push(output);
    invoke(this, "onOutputAdded", output);
    page.host.slotsChanged(this);
    return output;
  }

  addInputs(list) {
    for (const [name, type, extra] of list) this.addInput(name, type, extra);
  }

  addOutputs(list) {
    for (const [name, type, extra] of list) this.addOutput(name, type, extra);
  }

  removeInput(slot) {
    this.disconnectInput(slot);
    const [gone] = this.inputs.splice(slot, 1);
    page.host.slotsChanged(this);
    invoke(this, "onInputRemoved", slot, gone);
  }

  removeOutput(slot) {
    this.disconnectOutput(slot);
    page.host.removeOutput(this, slot);
    const [gone] = this.outputs.splice(slot, 1);
    page.host.slotsChanged(this);
    invoke(this, "onOutputRemoved", slot, gone);
  }

  // --- widgets

  addWidget(type, name, value, callback, options) {
    if (callback && typeof callback === "object" && options === undefined) [options, callback] = [callback, null];
    options = typeof options === "string" ? { property: options } : options ?? {};
    if (typeof callback === "string") [options, callback] = [{ ...options, property: callback }, null];
    const widget = new Widget(this, String(type).toLowerCase() === type ? type : String(type).toLowerCase(), name, value, callback, options);
    return this.addCustomWidget(widget);
  }

  addCustomWidget(widget) {
    this.widgets ??= [];
    widget.options ??= {};
    this.widgets.push(widget);
    page.host.slotsChanged(this);
    return widget;
  }

  addDOMWidget(name, type, element, options = {}) {
    return this.addCustomWidget(new DOMWidget(this, name, type, element, options));
  }

  removeWidget(widget) {
    this.widgets = (this.widgets ?? []).filter((one) => one !== widget);
    invoke(widget, "onRemove");
    page.host.slotsChanged(this);
  }

  removeWidgetByName(name) {
    const widget = this.widgets?.find((one) => one.name === name);
    if (widget) this.removeWidget(widget);
  }

  getSlotFromWidget(widget) {
    return this.inputs.find((input) => input.widget?.name === widget?.name);
  }

  getWidgetFromSlot(slot) {
    return this.widgets?.find((widget) => widget.name === slot.widget?.name);
  }

  /** Every widget has a socket here, so nothing needs to be turned into one. */
  convertWidgetToInput() {
    return false;
  }

  // --- size and place

  computeSize(out) {
    const rows = Math.max(this.inputs.filter((input) => !input.widget).length, this.outputs.length);
    const shown = (this.widgets ?? []).filter((widget) => !isHidden(widget));
    const heights = shown.reduce((sum, widget) => sum + page.host.widgetHeight(this, widget), 0);
    const letters = Math.max(this.getTitle().length + 6, ...[0, ...this.inputs.map((slot) => String(slot.label ?? slot.name).length * 1.6)]);
    const size = out ?? [0, 0];
    size[0] = Math.max(letters * 8, shown.length > 0 ? 210 : 140);
    size[1] = rows * 20 + (rows > 0 ? 8 : 4) + heights + (shown.length > 0 ? 8 : 4);
    return size;
  }

  setSize(size) {
    this.size = [size[0], size[1]];
    page.host.stir();
    invoke(this, "onResize", this.size);
  }

  expandToFitContent() {
    const [width, height] = this.computeSize();
    this.setSize([Math.max(this.size[0], width), Math.max(this.size[1], height)]);
  }

  move(dx, dy) {
    this.pos = [this.pos[0] + dx, this.pos[1] + dy];
    page.host.stir();
  }

  getBounding(out = [0, 0, 0, 0]) {
    Object.assign(out, [this.pos[0], this.pos[1] - 30, this.size[0], (this.flags.collapsed ? 0 : this.size[1]) + 30]);
    invoke(this, "onBounding", out);
    return out;
  }

  get boundingRect() {
    return this.getBounding();
  }

  isPointInside(x, y, margin = 0, skipTitle = false) {
    const [left, top, width, height] = this.getBounding();
    const start = skipTitle ? top + 30 : top;
    return x > left - margin && x < left + width + margin && y > start - margin && y < top + height + margin;
  }

  getConnectionPos(isInput, slot, out = [0, 0]) {
    const place = page.host.slotPlace(this, isInput ? "inputs" : "outputs", slot);
    Object.assign(out, place ?? [this.pos[0] + (isInput ? 0 : this.size[0]), this.pos[1] + 14 + slot * 20]);
    return out;
  }

  getInputPos(slot) {
    return this.getConnectionPos(true, slot);
  }

  getOutputPos(slot) {
    return this.getConnectionPos(false, slot);
  }

  getSlotInPosition(x, y) {
    for (const [isInput, slots] of [[true, this.inputs], [false, this.outputs]]) {
      for (const [slot, entry] of slots.entries()) {
        const at = this.getConnectionPos(isInput, slot);
        if (Math.hypot(at[0] - x, at[1] - y) < 14) return isInput ? { input: entry, slot, link_pos: at } : { output: entry, slot, link_pos: at };
      }
    }
    return null;
  }

  // --- state

  /** Values run on the server here, never on the page. */
  setOutputData() {}

  getInputData() {
    return undefined;
  }

  setDirtyCanvas() {
    page.host.stir();
    page.app.view.redraw();
  }

  collapse() {
    this.flags.collapsed = !this.flags.collapsed;
    this.setDirtyCanvas();
  }

  pin(isPinned = !this.flags.pinned) {
    this.flags.pinned = isPinned;
    this.setDirtyCanvas();
  }

  get pinned() {
    return Boolean(this.flags.pinned);
  }

  changeMode(mode) {
    this.mode = mode;
    page.host.stir();
    return true;
  }

  addProperty(name, value, type, info) {
    const about = { name, type, default_value: value, ...info };
    this.properties_info.push(about);
    this.properties ??= {};
    this.properties[name] ??= value;
    return about;
  }

  setProperty(name, value) {
    this.properties ??= {};
    const before = this.properties[name];
    if (before === value) return;
    this.properties[name] = value;
    if (invoke(this, "onPropertyChanged", name, value, before) === false) this.properties[name] = before;
    for (const widget of this.widgets ?? []) if (widget.options?.property === name) widget.value = value;
    page.host.stir();
  }

  // --- files

  serialize() {
    const { id, type, mode, order } = this;
    const info = {
      id, type, pos: [...this.pos], size: [...this.size], flags: { ...this.flags }, order, mode,
      inputs: this.inputs.map((input) => written(input)), outputs: this.outputs.map((output) => written(output)),
      properties: structuredCloneOf(this.properties), title: this.title,
    };
    for (const name of ["color", "bgcolor", "boxcolor", "shape"]) if (this[name] !== undefined && this[name] !== null) info[name] = this[name];
    if (this.widgets && this.serialize_widgets !== false) {
      info.widgets_values = this.widgets.filter((widget) => widget.serialize !== false).map((widget) => widget.value ?? null);
    }
    invoke(this, "onSerialize", info);
    return info;
  }

  configure(info) {
    for (const [name, value] of Object.entries(info)) {
      if (name === "properties") Object.assign((this.properties ??= {}), value);
      else if (name === "flags") this.flags = { ...value };
      else if (name === "inputs" || name === "outputs") this[name] = mergedSlots(this[name], value);
      else if (name !== "widgets_values" && name !== "widgets_values_named") this[name] = Array.isArray(value) ? [...value] : value;
    }
    for (const [name, value] of Object.entries(this.properties)) invoke(this, "onPropertyChanged", name, value);
    page.host.fillWidgets(this, info);
    this.inputs.forEach((input, slot) => {
      if (input.link != null) invoke(this, "onConnectionsChange", INPUT, slot, true, this.graph?.links?.get(input.link), input);
    });
    this.widgets_values = info.widgets_values;
    invoke(this, "onConfigure", info);
  }

  clone() {
    const copy = LiteGraph.createNode(this.type);
    if (!copy) return null;
    const { id: _id, inputs = [], outputs = [], ...info } = structuredCloneOf(this.serialize());
    copy.configure({ ...info, inputs: inputs.map((slot) => ({ ...slot, link: null })), outputs: outputs.map((slot) => ({ ...slot, links: null })) });
    return copy;
  }

  get last_serialization() {
    return page.host.infoOf(this);
  }
}

/** @param {any} slot */
function written({ boundingRect: _bounds, ...slot }) {
  const widget = slot.widget ? { widget: { name: slot.widget.name } } : {};
  return structuredCloneOf({ ...slot, ...widget, ...(slot.links ? { links: [...slot.links] } : {}) });
}

/** The slots of a file, with what the class gave them where names are the same. */
function mergedSlots(own, stored) {
  if (!Array.isArray(stored)) return own;
  const known = new Map((own ?? []).map((slot) => [slot.name, slot]));
  const taken = stored.map((slot) => {
    const present = known.get(slot.name);
    known.delete(slot.name);
    return present ? Object.assign(present, slot, present.widget ? { widget: present.widget } : {}) : { ...slot };
  });
  return [...taken, ...[...known.values()].filter((slot) => slot.isDefined)];
}

/** A copy of plain data; what cannot be copied is left out. */
export function structuredCloneOf(value) {
  return JSON.parse(JSON.stringify(value ?? {}, (_name, one) => (typeof one === "bigint" ? Number(one) : one)));
}

Object.defineProperties(LGraphNode.prototype, Object.getOwnPropertyDescriptors(connecting));

