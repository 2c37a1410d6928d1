/** Changing a form: items are moved by hand or keys, named, narrowed, put side by side, taken out, and added from a list. */

/** @import { App } from "../../app.js" */
/** @import { Form, FormItem, Place } from "../../model/form.js" */
/** @import { FormView } from "./view.js" */

import {
  addFormItem, formOf, itemAt, moveFormItem, nodeItems, removeFormItem, setForm, setFormItem, setFormTitle,
} from "../../model/form.js";
import { joinFormItem, partFormItem } from "../../model/rows.js";
import { slotsOf, titleOf } from "../../model/slots.js";
import { kindsFor, readable } from "../../widgets/kinds.js";
import { typedNumber } from "../../widgets/values.js";
import { t } from "../../words.js";
import { make } from "../dom.js";
import { Binding } from "./binding.js";
import { shownForm } from "./view.js";

/**
 * Changes the form; one that was made by itself becomes the workflow's own with the first change.
 * @param {App} app @param {string} label @param {(change: import("../../model/document.js").Transaction) => void} command
 */
export function changeForm(app, label, command) {
  const form = shownForm(app);
  app.store.run(label, (change) => {
    if (formOf(change.document) !== form) setForm(change, form);
    command(change);
  });
}

/** @returns {Record<string, string>} what fields are called */
function kindWords() {
  return {
    slider: t("Slider"), number: t("Number"), seed: t("Seed"), text: t("Several lines"), line: t("One line"), list: t("Drop-down"),
    toggle: t("Switch"), file: t("File"),
  };
}

/** @param {App} app @param {Form} form @returns {HTMLElement} */
export function editTitle(app, form) {
  return make("input", {
    type: "text", className: "form-title", "aria-label": t("Title of the form"), placeholder: app.name, value: form.title, "data-focus": "title",
    onchange: (/** @type {Event} */ event) =>
      changeForm(app, t("Title of the form"), (change) => setFormTitle(change, /** @type {HTMLInputElement} */ (event.target).value.trim())),
  });
}

/**
 * An item with its tools.
 * @param {FormView} view @param {FormItem} item @param {Place} place @param {HTMLElement} content
 * @returns {HTMLElement}
 */
export function editable(view, item, place, content) {
  const { app } = view;
  const name = nameOf(app, item);
  const button = (/** @type {string} */ sign, /** @type {string} */ label, /** @type {() => void} */ run) =>
    make("button", { type: "button", className: "form-tool", title: label, "aria-label": `${label}: ${name}`, "data-focus": `${sign} ${place}`, onclick: run }, sign);
  const handle = button("⠿", t("Move, with the arrow keys too"), () => undefined);
  handle.classList.add("form-handle");
  handle.addEventListener("keydown", (event) => moveByKey(view, place, event));
  const above = itemAt(shownForm(app), [place[0] - 1]);
  const isJoinable = item.kind !== "output" && above !== undefined && above.kind !== "output";
  const beside = item.kind === "row" ? null : place.length > 1
    ? button("⇤", t("Take out of the row"), () => changeForm(app, t("Arrange the form"), (change) => partFormItem(change, place)))
    : isJoinable ? button("⇥", t("Put beside what is above"), () => changeForm(app, t("Arrange the form"), (change) => joinFormItem(change, place))) : null;
  const tools = make("div", { className: "form-tools" }, handle, make("span", { className: "form-name" }, name), beside,
    button("×", t("Take out of the form"), () => changeForm(app, t("Take out of the form"), (change) => removeFormItem(change, place))));
  const element = make("div", { className: `form-item is-${item.kind}`, "data-place": place.join() }, tools, options(app, item, place), content);
  drag(view, place, handle, element);
  return element;
}

/** @param {App} app @param {FormItem} item @returns {string} */
function nameOf({ store }, item) {
  if (item.kind === "text" || item.kind === "heading") return item.text.slice(0, 40);
  if (item.kind === "row") return t("Row");
  const node = [...store.document.graphs.values()].map((graph) => graph.nodes.get(item.node)).find((found) => found !== undefined);
  const title = node ? titleOf(store.definitions, node) : t("Nothing");
  return item.kind === "input" ? `${title}: ${item.name}` : title;
}

/** What can be set of an item. @param {App} app @param {FormItem} item @param {Place} place @returns {HTMLElement | null} */
function options(app, item, place) {
  if (item.kind === "row") return null;
  const set = (/** @type {Record<string, any>} */ fields) => changeForm(app, t("Change the form"), (change) => setFormItem(change, place, fields));
  const line = (/** @type {string} */ label, /** @type {string} */ field, /** @type {any} */ value, /** @type {(text: string) => any} */ read, hint = "") =>
    make("label", {}, make("span", {}, label), make("input", {
      type: "text", value: value ?? "", placeholder: hint, "data-focus": `${field} ${place}`,
      onchange: (/** @type {Event} */ event) => set({ [field]: read(/** @type {HTMLInputElement} */ (event.target).value) }),
    }));
  if (item.kind === "text" || item.kind === "heading") return make("div", { className: "form-options" }, line(t("Text"), "text", item.text, (text) => text));
  const word = (/** @type {string} */ text) => text.trim() || undefined;
  if (item.kind === "output") return make("div", { className: "form-options" }, line(t("Label"), "label", item.label, word));
  const plain = new Binding(app, item.node, item.name);
  const { widget } = plain;
  const isNumber = widget?.kind === "int" || widget?.kind === "float";
  const number = (/** @type {string} */ text) => {
    const typed = typedNumber(text);
    return typed === null ? undefined : Number(typed);
  };
  const limit = (/** @type {number} */ value) => (Number.isFinite(value) ? String(value) : "");
  const kinds = widget ? kindsFor(widget) : [];
  const kind = make("select", { "data-focus": `kind ${place}`, onchange: () => set({ widget: kind.value || undefined }) }, make("option", { value: "" }, t("As usual")),
    ...kinds.map((one) => make("option", { value: one, selected: item.widget === one }, kindWords()[one])));
  return make("div", { className: "form-options" }, line(t("Label"), "label", item.label, word, plain.label),
    ...(isNumber ? [line(t("From"), "minimum", item.minimum, number, limit(widget?.min ?? NaN)), line(t("To"), "maximum", item.maximum, number, limit(widget?.max ?? NaN))] : []),
    ...(kinds.length > 1 ? [make("label", {}, make("span", {}, t("Field")), kind)] : []));
}

/** @param {FormView} view @param {Place} place @param {KeyboardEvent} event */
function moveByKey(view, place, event) {
  const direction = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
  if (direction === undefined) return;
  event.preventDefault();
  const last = place.length - 1;
  const target = place.with(last, place[last] + direction);
  if (target[last] < 0 || !itemAt(shownForm(view.app), target)) return;
  const before = direction > 0 ? place.with(last, place[last] + 2) : target;
  changeForm(view.app, t("Arrange the form"), (change) => moveFormItem(change, place, before));
  /** @type {HTMLElement | null} */ (view.element.querySelector(`[data-place="${target.join()}"] > .form-tools > .form-handle`))?.focus();
}

/**
 * Lets an item be dragged to stand before or after another.
 * @param {FormView} view @param {Place} place @param {HTMLElement} handle @param {HTMLElement} element
 */
function drag(view, place, handle, element) {
  handle.addEventListener("pointerdown", (down) => {
    if (down.button !== 0) return;
    /** @type {{target: HTMLElement, isAfter: boolean} | null} */
    let over = null;
    handle.setPointerCapture(down.pointerId);
    element.classList.add("is-held");
    const clear = () => over?.target.classList.remove("is-before", "is-after");
    handle.onpointermove = (event) => {
      clear();
      const found = document.elementFromPoint(event.clientX, event.clientY)?.closest(".form-item");
      over = null;
      if (!(found instanceof HTMLElement) || element.contains(found)) return;
      const box = found.getBoundingClientRect();
      const isAfter = found.parentElement?.classList.contains("form-row") ? event.clientX > box.left + box.width / 2 : event.clientY > box.top + box.height / 2;
      found.classList.add(isAfter ? "is-after" : "is-before");
      over = { target: found, isAfter };
    };
    handle.onpointerup = handle.onpointercancel = (event) => {
      handle.onpointermove = handle.onpointerup = handle.onpointercancel = null;
      element.classList.remove("is-held");
      clear();
      if (!over || event.type === "pointercancel") return;
      const to = (over.target.dataset.place ?? "").split(",").map(Number);
      const last = to.length - 1;
      const before = over.isAfter ? to.with(last, to[last] + 1) : to;
      changeForm(view.app, t("Arrange the form"), (change) => moveFormItem(change, place, before));
    };
  });
}

/**
 * What can be added: headings, texts, and every value and result of the workflow that is not in the form.
 * @param {FormView} view @param {Form} form @param {HTMLElement} element
 */
export function offer(view, form, element) {
  const { app } = view;
  const { document, definitions } = { document: app.store.document, definitions: app.store.definitions };
  const taken = new Set(nodeItems(form).map((item) => (item.kind === "input" ? `${item.node} ${item.name}` : item.node)));
  const add = (/** @type {FormItem} */ item) => changeForm(app, t("Add to the form"), (change) => addFormItem(change, item));
  const words = t("Search the values of the workflow");
  const search = make("input", { type: "search", placeholder: words, "aria-label": words, "data-focus": "search" });
  const list = make("ul", { className: "form-offer-list" });
  const rows = [...document.graphs.values()].flatMap((graph) => [...graph.nodes.values()].flatMap((node) => {
    const definition = definitions.get(node.type);
    if (!definition || definition.isVirtual) return [];
    const title = titleOf(definitions, node);
    const isFree = (/** @type {string} */ name) => !graph.linkInto(node.id, name) && !taken.has(`${node.id} ${name}`);
    const inputs = slotsOf(definitions, node).inputs.filter(({ name, widget }) => widget && kindsFor(widget).length > 0 && isFree(name))
      .map(({ name, label }) => ({ text: readable(label), title, item: /** @type {FormItem} */ ({ kind: "input", node: node.id, name }) }));
    const outputs = definition.isOutput && !taken.has(node.id) ? [{ text: t("Result"), title, item: /** @type {FormItem} */ ({ kind: "output", node: node.id }) }] : [];
    return [...inputs, ...outputs];
  }));
  const fill = () => {
    const wanted = search.value.trim().toLowerCase();
    list.replaceChildren(...rows.filter(({ text, title }) => `${text} ${title}`.toLowerCase().includes(wanted)).map(({ text, title, item }) =>
      make("li", {}, make("button", { type: "button", onclick: () => add(item) },
        make("span", { className: "label" }, text), make("span", { className: "note" }, title)))));
  };
  search.addEventListener("input", fill);
  fill();
  element.replaceChildren(make("h2", {}, t("Add")), make("div", { className: "form-offer-kinds" },
    make("button", { type: "button", onclick: () => add({ kind: "heading", text: t("Heading") }) }, t("Heading")),
    make("button", { type: "button", onclick: () => add({ kind: "text", text: t("A few words.") }) }, t("Text"))), search, list);
}
