/** Fields of a form: one for each kind of value, each a plain control with a label. */

/** @import { Binding } from "./binding.js" */
/** @import { FieldKind } from "../../widgets/kinds.js" */

import { CONTROL_MODES, nextSeed } from "../../model/seeds.js";
import { fitted, shownValue, typedNumber } from "../../widgets/values.js";
import { kindOf } from "../../widgets/kinds.js";
import { reasonOf, t } from "../../words.js";
import { make } from "../dom.js";
import { fileField } from "./filefield.js";

/** @typedef {{element: HTMLElement, update: () => void}} Field `update` shows the value as it stands */
/** @typedef {{control: HTMLElement, side?: HTMLElement, update: () => void}} Parts the control, and what stands beside the label */

let serial = 0;

/**
 * The field for an input.
 * @param {Binding} binding
 * @returns {Field}
 */
export function makeField(binding) {
  const { widget } = binding;
  if (!widget) return note(binding, t("This value is no longer there."));
  if (binding.isLinked) return note(binding, t("A link gives this value."));
  const kind = kindOf(widget, binding.wish);
  if (kind === null) return note(binding, t("This value can only be changed on the canvas."));
  const id = `field-${serial++}`;
  const { control, side, update } = FIELDS[kind](binding, id);
  const label = make("label", { className: "form-label", for: id }, binding.label);
  const problem = make("p", { className: "form-problem", id: `${id}-problem`, hidden: true });
  const head = make("div", { className: "form-head" }, label, side ?? null);
  const element = make("div", { className: `form-field is-${kind}` }, head, control, problem);
  if (binding.slot?.tooltip) label.title = binding.slot.tooltip;
  const input = element.querySelector(`#${id}`);
  input?.setAttribute("data-focus", `${binding.id} ${binding.name}`);
  const show = () => {
    update();
    problem.textContent = binding.problem;
    problem.hidden = problem.textContent === "";
    input?.setAttribute("aria-invalid", String(!problem.hidden));
    if (!problem.hidden) input?.setAttribute("aria-describedby", problem.id);
  };
  show();
  return { element, update: show };
}

/** @param {Binding} binding @param {string} text @returns {Field} */
function note(binding, text) {
  const element = make("div", { className: "form-field" }, make("div", { className: "form-head" }, make("span", { className: "form-label" }, binding.label)),
    make("p", { className: "form-hint" }, text));
  return { element, update: () => undefined };
}

/** @type {Record<FieldKind, (binding: Binding, id: string) => Parts>} */
const FIELDS = {
  text: (binding, id) => typed(binding, make("textarea", { id, rows: 3, spellcheck: false, placeholder: binding.widget?.placeholder ?? "" })),
  line: (binding, id) => typed(binding, make("input", { id, type: "text", spellcheck: false, placeholder: binding.widget?.placeholder ?? "" })),
  list: listField, toggle: toggleField, slider: sliderField, number: numberField, seed: seedField, file: fileField, json: jsonField,
};

/** @param {Binding} binding @param {HTMLTextAreaElement | HTMLInputElement} control @returns {Parts} */
function typed(binding, control) {
  let gesture = "";
  control.addEventListener("focus", () => (gesture = `form:${serial++}`));
  control.addEventListener("input", () => binding.set(control.value, gesture));
  const update = () => {
    const value = String(binding.value ?? "");
    if (control.value !== value) control.value = value;
  };
  return { control, update };
}

/** @param {Binding} binding @param {string} id @returns {Parts} what is drawn on a node, as files hold it */
function jsonField(binding, id) {
  const control = make("textarea", { id, rows: 3, spellcheck: false });
  const update = () => {
    if (document.activeElement !== control) control.value = JSON.stringify(binding.value ?? null);
  };
  control.addEventListener("change", () => {
    try {
      binding.set(JSON.parse(control.value));
      control.setCustomValidity("");
    } catch (error) {
      control.setCustomValidity(reasonOf(error));
      control.reportValidity();
    }
  });
  return { control, update };
}

/** @param {Binding} binding @param {string} id @returns {Parts} */
function listField(binding, id) {
  const control = make("select", { id });
  control.addEventListener("change", () => binding.set(binding.options[Number(control.value)]));
  /** @type {readonly any[]} */
  let shown = [];
  const update = () => {
    const { options } = binding;
    if (options.length !== shown.length || options.some((option, index) => option !== shown[index])) {
      const isLost = (/** @type {any} */ option) => !binding.widget?.options.includes(option);
      control.replaceChildren(...options.map((option, index) => make("option", { value: String(index) },
        isLost(option) ? t("{name} (not here)", { name: option }) : String(option))));
      shown = options;
    }
    control.value = String(options.indexOf(binding.value));
  };
  return { control, update };
}

/** @param {Binding} binding @param {string} id @returns {Parts} */
function toggleField(binding, id) {
  const input = make("input", { id, type: "checkbox", role: "switch" });
  const words = make("span", { className: "form-hint", "aria-hidden": "true" });
  input.addEventListener("change", () => binding.set(input.checked));
  const update = () => {
    input.checked = Boolean(binding.value);
    words.textContent = (input.checked ? binding.widget?.labelOn : binding.widget?.labelOff) ?? "";
  };
  return { control: make("div", { className: "form-switch" }, input, words), update };
}

/**
 * A line in which a number is typed; Enter or leaving it takes it over, arrows step.
 * @param {Binding} binding @param {Record<string, any>} attributes
 */
function numberLine(binding, attributes) {
  const line = make("input", { type: "text", inputMode: "decimal", autocomplete: "off", spellcheck: false, className: "form-number", ...attributes });
  const take = () => {
    const number = typedNumber(line.value);
    const { widget } = binding;
    if (number !== null && widget) binding.set(fitted(widget, number, false));
    update();
  };
  line.addEventListener("change", take);
  line.addEventListener("keydown", (event) => {
    const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (event.key === "Enter") take();
    if (direction === undefined) return;
    event.preventDefault();
    take();
    step(binding, direction * (event.shiftKey ? 10 : 1));
    update();
  });
  const update = () => {
    const { widget } = binding;
    line.value = widget ? shownValue(widget, binding.value) : "";
  };
  return { line, update: () => void (document.activeElement === line && line.value !== "" ? showIfOther() : update()) };

  /** While a person types, only a value that came from elsewhere is shown. */
  function showIfOther() {
    if (line.dataset.shown !== String(binding.value)) update();
    line.dataset.shown = String(binding.value);
  }
}

/** @param {Binding} binding @param {number} steps */
function step(binding, steps) {
  const { widget, value } = binding;
  if (!widget) return;
  const by = widget.step || 1;
  const next = typeof value === "bigint" ? value + BigInt(Math.round(steps * by)) : (Number(value) || 0) + steps * by;
  binding.set(fitted(widget, next, false), `step:${binding.id}:${binding.name}`);
}

/** @param {Binding} binding @param {string} id @returns {Parts} */
function numberField(binding, id) {
  const { line, update } = numberLine(binding, { id });
  const button = (/** @type {string} */ sign, /** @type {number} */ steps, /** @type {string} */ label) =>
    make("button", { type: "button", className: "form-step", "aria-label": label, onclick: () => step(binding, steps) }, sign);
  const control = make("div", { className: "form-stepper" }, button("−", -1, t("Less {name}", { name: binding.label })), line,
    button("+", 1, t("More {name}", { name: binding.label })));
  return { control, update };
}

/** @param {Binding} binding @param {string} id @returns {Parts} */
function sliderField(binding, id) {
  const widget = /** @type {import("../../model/types.js").Widget} */ (binding.widget);
  const control = make("input", { id, type: "range", min: String(widget.min), max: String(widget.max), step: String(widget.step || "any") });
  const { line, update } = numberLine(binding, { "aria-label": binding.label });
  let gesture = `slide:${serial++}`;
  control.addEventListener("input", () => binding.set(fitted(widget, Number(control.value), true), gesture));
  control.addEventListener("change", () => (gesture = `slide:${serial++}`));
  const show = () => {
    control.value = String(binding.value ?? widget.min);
    const span = widget.max - widget.min;
    control.style.setProperty("--part", String(span > 0 ? (Number(control.value) - widget.min) / span : 0));
    update();
  };
  return { control, side: line, update: show };
}

/** @param {Binding} binding @param {string} id @returns {Parts} */
function seedField(binding, id) {
  const { line, update } = numberLine(binding, { id });
  const words = { fixed: t("Keep"), increment: t("One more"), decrement: t("One less"), randomize: t("New each run") };
  const mode = make("select", { "aria-label": t("Before each run, {name}", { name: binding.label }) },
    ...CONTROL_MODES.map((one) => make("option", { value: one }, words[one])));
  mode.addEventListener("change", () => binding.setControl(/** @type {any} */ (mode.value)));
  const roll = () => {
    const { widget, value } = binding;
    if (widget) binding.set(nextSeed(typeof value === "bigint" ? value : Number(value) || 0, "randomize", widget, Math.random));
  };
  const dice = make("button", { type: "button", className: "form-step", title: t("Another seed"), "aria-label": t("Another seed"), onclick: roll }, "⚄");
  const control = make("div", { className: "form-seed" }, make("div", { className: "form-stepper" }, line, dice), mode);
  const show = () => {
    update();
    mode.value = binding.control;
  };
  return { control, update: show };
}
