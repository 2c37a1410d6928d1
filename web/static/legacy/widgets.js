/** Widgets as packs know them: objects with a name, a type, a value and options, and what the canvas makes of them. */

import { widget as declared } from "../js/model/definitions.js";
import { attempt, invoke, lacking, page } from "./page.js";

export const GUEST = "legacy";
const LINE = 20;
const GAP = 4;
const LEAST_ELEMENT = 60;

const NUMBERS = new Set(["number", "slider", "knob", "gradientslider", "INT", "FLOAT"]);
const TEXTS = new Set(["text", "string", "color", "COLOR"]);
const AREAS = new Set(["customtext", "textarea", "markdown", "MARKDOWN"]);

/** One widget of a node. */
export class Widget {
  constructor(node, type, name, value, callback, options) {
    this.node = node;
    this.type = type;
    this.name = name;
    this.options = options ?? {};
    this.callback = callback;
    this.y = 0;
    this.last_y = 0;
    this.serialize = undefined;
    this.linkedWidgets = undefined;
    this._value = value;
  }

  get value() {
    return this._area ? this._area.value : this._value;
  }

  set value(value) {
    this._value = value;
    if (this._area && this._area.value !== value) this._area.value = value ?? "";
  }

  /** The text area of a long text. It is made when a pack asks for it; until then the canvas draws the text. */
  get inputEl() {
    if (!AREAS.has(this.type)) return undefined;
    if (!this._area) {
      this._area = document.createElement("textarea");
      this._area.className = "comfy-multiline-input";
      this._area.value = this._value ?? "";
      this._area.placeholder = this.options.placeholder ?? this.name;
      this._area.setAttribute("aria-label", this.label ?? this.name);
      this._area.addEventListener("input", () => {
        this.callback?.(this.value);
        page.host?.stir();
      });
    }
    return this._area;
  }

  set inputEl(element) {
    this._area = element;
  }

  get element() {
    return this._element ?? this.inputEl;
  }

  set element(element) {
    this._element = element;
  }

  setValue(value) {
    this.value = value;
    this.callback?.(value, page.canvas, this.node);
  }
}

/** A widget that is an element of its own. */
export class DOMWidget extends Widget {
  constructor(node, name, type, element, options) {
    super(node, type, name, undefined, undefined, { hideOnZoom: true, ...options });
    this._element = element;
  }

  get value() {
    return this.options.getValue ? this.options.getValue() : this._value ?? "";
  }

  set value(value) {
    if (this.options.setValue) this.options.setValue(value);
    else this._value = value;
    this.callback?.(this.value);
  }

  get inputEl() {
    return this._element;
  }

  set inputEl(element) {
    this._element = element;
  }
}

/** The element of a widget that stands on its node, or null where the canvas paints it. @param {any} widget @returns {HTMLElement | null} */
export function elementOf(widget) {
  if (widget._area) return widget._area;
  const element = AREAS.has(widget.type) && widget instanceof Widget ? widget._element : widget.element ?? widget._element;
  return element instanceof HTMLElement ? element : null;
}

/** @param {any} widget @returns {boolean} whether it takes no room */
export function isHidden(widget) {
  if (widget.hidden || widget.options?.hidden || widget.isBuiltIn) return true;
  const { type } = widget;
  if (type === "hidden" || String(type).startsWith("converted-widget")) return true;
  return !elementOf(widget) && typeof widget.draw !== "function" && !isDrawnHere(type);
}

/** @param {string} type @returns {boolean} */
function isDrawnHere(type) {
  return NUMBERS.has(type) || TEXTS.has(type) || AREAS.has(type) || ["combo", "toggle", "button"].includes(type);
}

/** @param {any} widget @returns {boolean} whether the pack paints it or laid an element in its place */
export function isGuest(widget) {
  return elementOf(widget) !== null || (typeof widget.draw === "function" && !isHidden(widget));
}

/** The words of a drop-down. @param {any} widget @returns {readonly any[]} */
export function wordsOf(widget) {
  const values = widget.options?.values;
  const list = typeof values === "function" ? attempt(`${widget.name}.options.values`, () => values(widget, widget.node)) : values;
  if (Array.isArray(list)) return list;
  return list && typeof list === "object" ? Object.keys(list) : [];
}

/**
 * What the canvas is told of a widget.
 * @param {any} widget @param {any} node @param {boolean} isInput whether it is an input of the definition
 */
export function declare(widget, node, isInput) {
  const { type, options = {} } = widget;
  const common = {
    hidden: isHidden(widget), inPrompt: options.serialize !== false && type !== "button", inFile: widget.serialize !== false, loose: !isInput,
  };
  if (isGuest(widget)) return declared({ ...common, kind: "custom", guest: GUEST, ...heightOf(widget, node) });
  if (NUMBERS.has(type)) return declared({ ...common, ...numberOf(widget) });
  if (type === "combo") return declared({ ...common, kind: "combo", options: wordsOf(widget) });
  if (type === "toggle") return declared({ ...common, kind: "toggle", labelOn: options.on ?? "on", labelOff: options.off ?? "off" });
  if (type === "button") return declared({ ...common, kind: "button" });
  if (AREAS.has(type)) return declared({ ...common, kind: "text", placeholder: options.placeholder ?? "", dynamic: Boolean(widget.dynamicPrompts) });
  return declared({ ...common, kind: TEXTS.has(type) ? "string" : "custom", dynamic: Boolean(widget.dynamicPrompts) });
}

function numberOf({ type, options, linkedWidgets, isSeed }) {
  const isWhole = type === "INT" || options.precision === 0;
  const step = options.step2 ?? (options.step === undefined ? (isWhole ? 1 : 0.1) : options.step / 10);
  const seeded = Boolean(isSeed && linkedWidgets?.length);
  return {
    kind: isWhole ? "int" : "float", min: options.min ?? -Infinity, max: options.max ?? Infinity, step, round: Number(options.round) || 0, seeded,
  };
}

/** How high a widget is that the canvas does not know. */
function heightOf(widget, node) {
  const width = node.size?.[0] ?? 200;
  if (typeof widget.computeLayoutSize === "function" && !Object.hasOwn(widget, "computeSize")) {
    const { minHeight = LINE, maxHeight } = attempt(`${widget.name}.computeLayoutSize`, () => widget.computeLayoutSize(node)) ?? {};
    return { height: Math.max(0, minHeight) + GAP, grows: maxHeight === undefined || maxHeight > minHeight };
  }
  if (typeof widget.computeSize === "function") {
    const size = attempt(`${widget.name}.computeSize`, () => widget.computeSize(width));
    return { height: Math.max(0, Number(size?.[1] ?? LINE)) + GAP };
  }
  if (!elementOf(widget)) return { height: LINE + GAP };
  const { options = {} } = widget;
  const number = (asked) => (typeof asked === "function" ? attempt(`${widget.name}.height`, asked) : asked);
  const fixed = number(options.getHeight);
  if (typeof fixed === "number") return { height: fixed + GAP };
  const least = number(options.getMinHeight) ?? LEAST_ELEMENT;
  const most = number(options.getMaxHeight);
  return { height: least + GAP, grows: most === undefined || most > least };
}

/** Paints a widget that a pack draws, in the coordinates of its node. */
export function paintGuest(context, view, node, place) {
  const legacy = page.host.nodeOf(node.id);
  const widget = legacy && page.host.widgetAt(legacy, place.slot.name);
  if (!widget) return;
  const y = place.bounds[1] - node.position[1];
  widget.y = y;
  widget.last_y = y;
  if (typeof widget.draw !== "function" || elementOf(widget)) return;
  context.save();
  context.translate(node.position[0], node.position[1]);
  context.font = "12px sans-serif";
  attempt(`${widget.name}.draw`, () => widget.draw(context, legacy, place.bounds[2] + 2 * (place.bounds[0] - node.position[0]), y,
    place.bounds[3], view.camera.scale < 0.5));
  context.restore();
}

/** Hands a press on a widget to the pack that drew it. */
export function pressGuest(pointer, node, place) {
  const legacy = page.host.nodeOf(node.id);
  const widget = legacy && page.host.widgetAt(legacy, place.slot.name);
  if (!widget || (typeof widget.mouse !== "function" && typeof widget.onPointerDown !== "function")) return null;
  page.app.view.select([node.id]);
  const tell = (type, at) => {
    const position = [at.world[0] - legacy.pos[0], at.world[1] - legacy.pos[1]];
    if (typeof widget.mouse === "function") attempt(`${widget.name}.mouse`, () => widget.mouse(mouseEvent(type, at), position, legacy));
  };
  tell("pointerdown", pointer);
  return { move: (at) => tell("pointermove", at), up: (at) => tell("pointerup", at) };
}

/** An event as packs get it: with the place on the canvas in it. */
export function mouseEvent(type, { world, screen, shift, control, alt, button }) {
  const box = page.app.view.stage.getBoundingClientRect();
  const event = new PointerEvent(type, {
    clientX: screen[0] + box.left, clientY: screen[1] + box.top, shiftKey: shift, ctrlKey: control, altKey: alt, button, buttons: type === "pointerup" ? 0 : 1,
  });
  return Object.assign(event, { canvasX: world[0], canvasY: world[1], deltaX: 0, deltaY: 0, isDragging: type === "pointermove" });
}

/** Presses a button. */
export function pressButton(widget, node, pointer) {
  const position = [pointer.world[0] - node.pos[0], pointer.world[1] - node.pos[1]];
  if (typeof widget.callback === "function") {
    attempt(`${widget.name}.callback`, () => widget.callback(widget, page.canvas, node, position, mouseEvent("pointerup", pointer)));
  } else invoke(widget, "onClick", { e: mouseEvent("pointerup", pointer), node, canvas: page.canvas });
}

/** A widget of a definition's input: `ComfyWidgets[TYPE](node, name, spec, app).widget`. */
function made(node, type, name, value, options) {
  const widget = node.addWidget(type, name, value, () => undefined, options);
  return { widget };
}

const isNone = (value) => value === undefined || value === null;

/** @type {Record<string, (node: any, name: string, spec: any, app: any) => {widget: any, minWidth?: number, minHeight?: number}>} */
const makers = {
  INT(node, name, [, options = {}] = []) {
    const { default: value = 0, min = 0, max = 2048, step = 1 } = options;
    const answer = made(node, options.display === "slider" ? "slider" : "number", name, value, { min, max, step: step * 10, step2: step, precision: 0, ...rest(options) });
    if (options.control_after_generate || ["seed", "noise_seed"].includes(name)) {
      answer.widget.isSeed = true;
      answer.widget.linkedWidgets = [controlOf(node, answer.widget)];
    }
    return answer;
  },
  FLOAT(node, name, [, options = {}] = []) {
    const { default: value = 0, min = 0, max = 2048, step = 0.5, round } = options;
    return made(node, options.display === "slider" ? "slider" : "number", name, value, { min, max, step: step * 10, step2: step, round, precision: 3, ...rest(options) });
  },
  BOOLEAN(node, name, [, options = {}] = []) {
    return made(node, "toggle", name, options.default ?? false, { on: options.label_on, off: options.label_off, ...rest(options) });
  },
  STRING(node, name, [, options = {}] = []) {
    const answer = made(node, options.multiline ? "customtext" : "text", name, options.default ?? "", { ...rest(options), placeholder: options.placeholder });
    if (options.dynamicPrompts !== undefined) answer.widget.dynamicPrompts = options.dynamicPrompts;
    return options.multiline ? { ...answer, minWidth: 400, minHeight: 200 } : answer;
  },
  COMBO(node, name, [type, options = {}] = []) {
    const values = Array.isArray(type) ? type : options.options ?? [];
    const answer = made(node, "combo", name, isNone(options.default) ? values[0] : options.default, { ...rest(options), values });
    if (options.control_after_generate) answer.widget.linkedWidgets = [controlOf(node, answer.widget)];
    return answer;
  },
  MARKDOWN: (node, name, spec) => makers.STRING(node, name, [spec?.[0], { ...spec?.[1], multiline: true }]),
  TEXTAREA: (node, name, spec) => makers.STRING(node, name, [spec?.[0], { ...spec?.[1], multiline: true }]),
  COLOR: (node, name, spec) => made(node, "text", name, spec?.[1]?.default ?? "#ffffff", {}),
  IMAGEUPLOAD(node, name) {
    const widget = node.addWidget("button", name, "image", () => page.host.chooseImage(node), { serialize: false });
    widget.label = "choose file to upload";
    widget.isBuiltIn = node.constructor.nodeData !== undefined;
    return { widget };
  },
};

/** What a spec says beyond what a widget's own fields hold. */
function rest({ default: _default, min: _min, max: _max, step: _step, round: _round, ...others }) {
  return others;
}

/** The companion of a seed. */
function controlOf(node, target) {
  const control = node.addWidget("combo", "control_after_generate", "randomize", () => undefined, {
    values: ["fixed", "increment", "decrement", "randomize"], serialize: false,
  });
  control.isBuiltIn = true;
  control.controls = target;
  return control;
}

/** The makers by type; a pack that asks for one that is not here is told of. */
export const ComfyWidgets = new Proxy(makers, {
  get(target, name) {
    if (typeof name === "string" && !(name in target) && /^[A-Z]/.test(name)) lacking(`ComfyWidgets.${name}`);
    return target[/** @type {string} */ (name)];
  },
});

/** Names of widgets that belong to the page. */
export const OWN_WIDGETS = new Set(Object.keys(makers));

/** @returns {any} */
export function addValueControlWidget(node, target) {
  return controlOf(node, target);
}

/** @returns {any[]} */
export function addValueControlWidgets(node, target) {
  const control = controlOf(node, target);
  target.linkedWidgets = [control];
  return [control];
}
