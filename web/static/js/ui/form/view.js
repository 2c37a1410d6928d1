/** The form view: chosen inputs and results of a workflow on one page, for people who do not want to see its graph. */

/** @import { App } from "../../app.js" */
/** @import { Form, FormItem, Place } from "../../model/form.js" */
/** @import { Field } from "./fields.js" */

import { partOf } from "../../engine/progress.js";
import { formOf, nodeOfForm } from "../../model/form.js";
import { titleOf } from "../../model/slots.js";
import { suggestedForm } from "../../model/suggest.js";
import { t } from "../../words.js";
import { make, refill } from "../dom.js";
import { Binding } from "./binding.js";
import { editTitle, editable, offer } from "./editor.js";
import { makeField } from "./fields.js";
import { Past, makeOutput } from "./results.js";

/** Commands whose keys count here, though nothing of the canvas is in sight. */
const ALLOWED = new Set(["undo", "redo", "save", "save-as", "open-server", "open-file", "palette", "shortcuts", "settings", "new", "close-tab"]);

/**
 * The form of the workflow on screen: its own, or one that is made for it.
 * @param {App} app
 * @returns {Form}
 */
export function shownForm({ store, view }) {
  const form = formOf(store.document);
  return form.items.length > 0 || form.title !== "" || !view.isCatalogueComplete ? form : suggestedForm(store.document, store.definitions);
}

/** Made when it is opened first. */
export class FormView {
  /** @param {App} app @param {HTMLElement} element where it stands */
  constructor(app, element) {
    this.app = app;
    this.element = element;
    this.isOpen = false;
    this.isEditing = false;
    this.drawn = "";
    /** @type {Field[]} */ this.fields = [];
    this.past = new Past(app);
    this.title = make("h1", {});
    this.note = make("p", { className: "form-hint" });
    this.editButton = make("button", { type: "button", onclick: () => this.edit(!this.isEditing) });
    this.inputs = make("div", { className: "form-inputs" });
    this.outputs = make("div", { className: "form-outputs" });
    this.offers = make("div", { className: "form-offers", hidden: true });
    this.progressText = make("span", { className: "form-progress-text" });
    this.bar = make("div", {});
    this.cancel = make("button", { type: "button", onclick: () => app.commands.run("cancel") }, t("Cancel"));
    this.build();
  }

  /** @private */
  build() {
    const { app, element } = this;
    const run = make("button", { type: "button", className: "primary", onclick: () => app.commands.run("run") }, t("Run"));
    const footer = make("footer", { className: "form-run" }, make("div", { className: "form-progress" }, this.bar), this.progressText, this.cancel, run);
    const head = make("header", { className: "form-top" }, this.title, this.editButton);
    element.replaceChildren(make("div", { className: "form-page" }, head, this.note,
      make("div", { className: "form-columns" }, this.inputs, make("div", { className: "form-right" }, this.offers, this.outputs, this.past.element))), footer);
    app.store.listen((change) => {
      if (!this.isOpen) return;
      if (change.reason === "open") void this.past.refresh();
      this.fill();
    });
    app.workspace.listen(() => this.isOpen && this.fill());
    app.board.listen(() => this.isOpen && this.update());
    app.runner.listen(({ type }) => {
      if (!this.isOpen) return;
      if (type === "listed") void this.past.refresh();
      this.update();
    });
    addEventListener("keydown", (event) => this.key(event));
  }

  /** @private @param {KeyboardEvent} event */
  key(event) {
    const { activeElement } = document;
    if (!this.isOpen || event.defaultPrevented || document.querySelector("dialog[open]") || activeElement?.closest(".panel")) return;
    if (event.key === "Escape" && this.isEditing) return this.edit(false);
    const isText = activeElement instanceof HTMLTextAreaElement || (activeElement instanceof HTMLInputElement && ["text", "search"].includes(activeElement.type));
    const command = this.app.commands.match(event, false);
    if (!command || !ALLOWED.has(command.id) || (isText && (command.id === "undo" || command.id === "redo"))) return;
    event.preventDefault();
    this.app.commands.run(command.id);
  }

  /** Shows it. */
  open() {
    this.isOpen = true;
    this.element.hidden = false;
    void this.past.refresh();
    this.fill();
  }

  /** Puts it away. */
  close() {
    this.isOpen = false;
    this.isEditing = false;
    this.element.hidden = true;
  }

  /** @param {boolean} isOn whether what stands in the form can be changed */
  edit(isOn) {
    this.isEditing = isOn;
    this.fill();
    if (isOn) /** @type {HTMLElement | null} */ (this.element.querySelector(".form-title"))?.focus();
    else this.editButton.focus();
  }

  /** Shows what the form is made of; what only changed its value stays where it is. */
  fill() {
    const { app } = this;
    const form = shownForm(app);
    const state = this.stateOf(form);
    if (state === this.drawn) return this.update();
    this.drawn = state;
    refill(this.element, () => this.draw(form));
    this.update();
  }

  /** @private @param {Form} form */
  draw(form) {
    const { app } = this;
    const isOwn = form === formOf(app.store.document);
    this.element.classList.toggle("is-editing", this.isEditing);
    this.note.hidden = isOwn && form.items.length > 0;
    this.note.textContent = isOwn ? t("There is nothing in this form yet.") : t("Made from the workflow by itself. Edit it, and it is kept with the workflow.");
    this.editButton.textContent = this.isEditing ? t("Done") : t("Edit the form");
    this.editButton.setAttribute("aria-pressed", String(this.isEditing));
    this.title.replaceChildren(this.isEditing ? editTitle(app, form) : form.title || app.name);
    this.fields = [];
    this.inputs.replaceChildren();
    this.outputs.replaceChildren();
    this.sort(form);
    this.offers.hidden = !this.isEditing;
    if (this.isEditing) offer(this, form, this.offers);
  }

  /** Puts results, and what is written between them, to the right; all else to the left. @private @param {Form} form */
  sort(form) {
    let column = this.inputs;
    let isFirst = true;
    for (const [index, item] of form.items.entries()) {
      if (item.kind === "output") column = this.outputs;
      else if (item.kind === "input" || item.kind === "row") column = this.inputs;
      column.append(this.make(item, [index], item.kind === "output" && isFirst));
      if (item.kind === "output") isFirst = false;
    }
  }

  /** @private @param {FormItem} item @param {Place} place @param {boolean} isFirst @returns {HTMLElement} */
  make(item, place, isFirst = false) {
    const content = this.content(item, place, isFirst);
    return this.isEditing ? editable(this, item, place, content) : content;
  }

  /** @private @param {FormItem} item @param {Place} place @param {boolean} isFirst @returns {HTMLElement} */
  content(item, place, isFirst) {
    if (item.kind === "row") return make("div", { className: "form-row" }, ...item.items.map((one, inner) => this.make(one, [place[0], inner])));
    if (item.kind === "heading") return make("h2", { className: "form-heading" }, item.text);
    if (item.kind === "text") return make("p", { className: "form-text" }, item.text);
    const field = item.kind === "output" ? makeOutput(this.app, item, isFirst) : makeField(new Binding(this.app, item.node, item.name, item));
    this.fields.push(field);
    return field.element;
  }

  /** What makes the form look otherwise, beyond values. @private @param {Form} form @returns {string} */
  stateOf(form) {
    const { app } = this;
    const { store } = app;
    const about = (/** @type {FormItem} */ item) => {
      if (item.kind !== "input") return null;
      const binding = new Binding(app, item.node, item.name, item);
      return [binding.isLinked, binding.widget && { ...binding.widget, options: [] }, binding.label];
    };
    const items = form.items.flatMap((item) => (item.kind === "row" ? [...item.items] : [item]));
    const nodes = items.map((item) => "node" in item && nodeOfForm(store.document, item.node) !== null);
    const more = this.isEditing ? [...store.document.root.nodes.values()].map((node) => [node.id, titleOf(store.definitions, node)]) : [];
    return JSON.stringify([store.document.id, this.isEditing, app.name, form, items.map(about), nodes, more],
      (_key, value) => (typeof value === "bigint" ? String(value) : value));
  }

  /** Shows values, results and how the run stands. */
  update() {
    for (const field of this.fields) field.update();
    const { runner, board, store } = this.app;
    const job = runner.current;
    const part = partOf(job);
    this.element.classList.toggle("is-running", job !== null);
    this.bar.style.transform = `scaleX(${job ? Math.max(0.02, part) : 0})`;
    this.cancel.disabled = job === null;
    const found = job?.current ? store.find(job.current.split(":")[0]) : null;
    const run = job?.current ? board.stateOf(job.current) : null;
    const steps = run && run.max > 1 ? t("{value} of {max}", { value: run.value, max: run.max }) : "";
    this.progressText.textContent = !job ? "" : job.state === "queued" ? t("Waiting")
      : [found ? titleOf(store.definitions, found.node) : "", steps].filter(Boolean).join(", ");
  }
}
