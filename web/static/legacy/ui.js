/** `$el`, dialogs and the `app.ui` of the ecosystem. */

import { openDialog } from "../js/ui/dialogs.js";
import { byId } from "../js/ui/dom.js";
import { attempt, page, recording } from "./page.js";
import { packOf } from "../js/extensions/reports.js";
import { addSetting, getSetting, setSetting } from "./settings.js";

/**
 * An element from "tag.class.class", properties and children.
 * @param {string} tag @param {any} [properties] or a child, or children @param {any} [children]
 */
export function $el(tag, properties, children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name || "div");
  if (classes.length > 0) element.classList.add(...classes);
  if (typeof properties === "string") properties = { innerText: properties };
  else if (properties instanceof Element) properties = [properties];
  if (Array.isArray(properties)) element.append(...properties);
  else if (properties) applyTo(element, properties);
  if (children) element.append(...(Array.isArray(children) ? children.filter(Boolean) : [children]));
  return element;
}

function applyTo(element, { parent, $: take, dataset, style, for: target, ...rest }) {
  if (dataset) Object.assign(element.dataset, dataset);
  if (typeof style === "string") element.style.cssText = style;
  else if (style) Object.assign(element.style, style);
  if (target) element.setAttribute("for", target);
  Object.assign(element, rest);
  if (parent) parent.append(element);
  take?.(element);
}

/** Makes an element that can be dragged. Panels of this page stay where they are. */
export function dragElement() {}

/** A dialog with a button to close it. */
export class ComfyDialog extends EventTarget {
  constructor(type = "div", buttons = null) {
    super();
    this.type = type;
    this.buttons_given = buttons;
    this.element = $el("div.comfy-modal", { style: { display: "none" } }, [
      $el("div.comfy-modal-content", [$el("p", { $: (element) => (this.textElement = element) }), ...this.createButtons()]),
    ]);
    /** @type {HTMLDialogElement | null} */ this.shown = null;
  }

  get isOpen() {
    return this.shown !== null;
  }

  createButtons() {
    return this.buttons_given ?? [$el("button", { type: "button", textContent: "Close", onclick: () => this.close() })];
  }

  close() {
    this.element.style.display = "none";
    const { shown } = this;
    this.shown = null;
    shown?.close();
  }

  show(content) {
    if (typeof content === "string") this.textElement.replaceChildren(plainFrom(content));
    else if (content) this.textElement.replaceChildren(...(content instanceof Element ? [content] : content));
    this.element.style.display = "flex";
    if (this.shown) return;
    this.shown = openDialog("", this.element);
    this.shown.addEventListener("close", () => {
      this.shown = null;
      this.element.style.display = "none";
    });
  }
}

/** Markup of a pack as nodes; scripts and handlers in it are left out. @param {string} markup */
function plainFrom(markup) {
  const parsed = new DOMParser().parseFromString(markup, "text/html");
  parsed.querySelectorAll("script, iframe, object, embed").forEach((element) => element.remove());
  for (const element of parsed.querySelectorAll("*")) {
    for (const { name, value } of [...element.attributes]) {
      if (name.startsWith("on") || /^\s*javascript:/i.test(value)) element.removeAttribute(name);
    }
  }
  const fragment = document.createDocumentFragment();
  fragment.append(...parsed.body.childNodes);
  return fragment;
}

/** The settings of the page, as packs reach them. */
export class ComfySettings extends EventTarget {
  constructor() {
    super();
    this.element = document.createElement("div");
    this.settingsLookup = {};
  }

  get settingsValues() {
    return page.app.settings.values;
  }

  get settingsParamLookup() {
    return this.settingsLookup;
  }

  addSetting(setting) {
    this.settingsLookup[setting.id] = setting;
    return addSetting(setting, packOf());
  }

  getSettingValue(id, fallback) {
    return getSetting(id, fallback ?? this.settingsLookup[id]?.defaultValue);
  }

  setSettingValue(id, value) {
    setSetting(id, value);
  }

  async setSettingValueAsync(id, value) {
    setSetting(id, value);
  }

  getId(id) {
    return id;
  }

  async load() {}

  show() {
    page.app.commands.run("settings");
  }
}

/** What packs reach as `app.ui`. */
export function makeUi() {
  const menu = $el("div.comfy-menu", { hidden: true });
  return recording({
    settings: new ComfySettings(), dialog: new ComfyDialog(), menuContainer: menu, menuHamburger: $el("div", { hidden: true }),
    lastQueueSize: 0, autoQueueEnabled: false, autoQueueMode: null, batchCount: 1, isQueueing: false,
    queue: { update: async () => undefined, hide() {}, show() {} }, history: { update: async () => undefined, hide() {}, show() {} },
    setStatus() {}, loadFile: () => page.app.commands.run("open-file"), graphHasErrors: false,
    get queueSize() {
      return page.app.runner.remaining;
    },
  }, "app.ui");
}

/** Where packs put buttons of their own: they go to the bar at the top. */
export function makeMenu() {
  const group = (name) => {
    const element = $el("div.comfyui-button-group", { className: "legacy-group" });
    const update = () => {
      if (element.childElementCount > 0 && !element.isConnected) byId("run").before(element);
    };
    return {
      element, name, buttons: [],
      append(...buttons) {
        element.append(...buttons.map((button) => button.element ?? button));
        update();
      },
      insert(button) {
        this.append(button);
      },
      remove: (button) => (button.element ?? button)?.remove?.(),
      update,
    };
  };
  return recording({
    element: $el("div"), settingsGroup: group("settings"), actionsGroup: group("actions"), viewGroup: group("view"), mobileMenu: null,
    logo: null, saveButton: null,
  }, "app.menu");
}

/** A button of the bar, as `scripts/ui/components/button.js` makes it. */
export class ComfyButton {
  constructor({ icon, content, tooltip, action, classList = "", enabled = true, visibilitySetting } = {}) {
    this.element = $el("button", { type: "button", title: tooltip ?? "", disabled: !enabled });
    this.element.classList.add(...String(classList).split(" ").filter(Boolean));
    this.content = content;
    if (content) this.element.append(content instanceof Node ? content : String(content));
    else if (icon) this.element.textContent = tooltip ?? icon;
    this.action = action;
    this.visibilitySetting = visibilitySetting;
    this.element.addEventListener("click", (event) => void (this.action && attempt("button", () => this.action(event, this))));
  }

  set enabled(isEnabled) {
    this.element.disabled = !isEnabled;
  }

  set tooltip(text) {
    this.element.title = text;
  }

  set hidden(isHidden) {
    this.element.hidden = isHidden;
  }

  withPopup(popup) {
    this.popup = popup;
    return this;
  }
}

/** Several buttons side by side. */
export class ComfyButtonGroup {
  constructor(...buttons) {
    this.buttons = buttons;
    this.element = $el("div.comfyui-button-group", buttons.map((button) => button.element ?? button));
  }

  append(button) {
    this.buttons.push(button);
    this.element.append(button.element ?? button);
  }

  update() {
    this.element.replaceChildren(...this.buttons.map((button) => button.element ?? button));
  }
}
