/** The settings: everything that was defined, by category, to be searched and changed; and the keys. */

/** @import { App } from "../app.js" */
/** @import { Definition } from "../engine/settings.js" */

import { KEYS } from "../commands/choices.js";
import { misfit, optionsOf } from "../engine/settings.js";
import { t } from "../words.js";
import { openDialog } from "./dialogs.js";
import { make, refill } from "./dom.js";
import { presetRow } from "./keypresets.js";
import { keyRows } from "./keys.js";

/** Opens the dialog. @param {App} app */
export function openSettings(app) {
  const { settings } = app;
  const keys = t("Keys");
  const search = make("input", { type: "search", className: "settings-search", placeholder: t("Search the settings"), "aria-label": t("Search the settings"), spellcheck: false });
  const list = make("nav", { className: "settings-list", "aria-label": t("Categories") });
  const rows = make("div", { className: "settings-rows" });
  let category = t("Appearance");
  const shown = () => [...settings.definitions.values()].filter(({ kind, label }) => kind !== "record" && label);
  /** @type {(() => void)[]} let go of the rows that are shown */
  let ends = [];
  const leave = () => {
    for (const end of ends) end();
    ends = [];
  };
  const draw = () => {
    leave();
    const query = search.value.trim().toLowerCase();
    const categories = [...new Set(shown().map((one) => one.category ?? t("Other")))];
    list.replaceChildren(...[...categories, keys].map((name) => make("button", {
      type: "button", className: "quiet", "aria-current": String(query === "" && name === category), "data-focus": name, onclick: () => {
        category = name;
        search.value = "";
        fill();
      },
    }, name)));
    const fits = shown().filter((one) => (query === "" ? (one.category ?? t("Other")) === category : answers(one, query)));
    fits.sort((one, other) => (one.order ?? 50) - (other.order ?? 50));
    const sets = category === keys && query === "" ? [presetRow(app, fill)] : [];
    const found = [...fits.map((one) => settingRow(app, one, ends)), ...sets, ...(query !== "" || category === keys ? keyRows(app, query) : [])];
    rows.replaceChildren(...found, ...(category === keys && query === "" ? [resetKeys(app, fill)] : []));
    if (found.length === 0) rows.append(make("p", {}, t("No setting answers to that.")));
  };
  const body = make("div", { className: "settings" }, make("div", {}, search, list), rows);
  const fill = () => refill(body, draw);
  search.addEventListener("input", fill);
  const dialog = openDialog(t("Settings"), body);
  dialog.classList.add("is-broad", "is-settings");
  settings.watchers.add(fill);
  dialog.addEventListener("close", () => {
    settings.watchers.delete(fill);
    leave();
  });
  fill();
  search.focus();
}

/** @param {Definition} definition @param {string} query lower case */
function answers(definition, query) {
  const words = [definition.label, definition.category, definition.note, definition.id, ...optionsOf(definition).map(({ label }) => label)];
  return words.join(" ").toLowerCase().includes(query);
}

/** @param {App} app @param {() => void} fill */
function resetKeys({ settings }, fill) {
  return make("div", { className: "choice" }, make("button", {
    type: "button", disabled: !settings.isChosen(KEYS), onclick: () => {
      settings.set(KEYS, {});
      fill();
    },
  }, t("Give all commands their own keys again")));
}

/** @param {App} app @param {Definition} definition @param {(() => void)[]} ends gets what lets go of it @returns {HTMLElement} */
function settingRow({ settings }, definition, ends) {
  const { id, label = id, note = "" } = definition;
  const problem = make("small", { className: "choice-problem", role: "status" });
  const reset = make("button", { type: "button", className: "link", title: t("Back to what it was at first"), onclick: () => {
    settings.set(id, definition.fallback);
    field.focus();
  } }, t("Reset"));
  const field = fieldOf(definition, settings.get(id), (value) => {
    const reason = misfit(definition, value);
    problem.textContent = reason === null ? "" : t("This value does not fit.");
    problem.title = reason ?? "";
    if (reason === null) settings.set(id, value);
  });
  const holder = make("span", { className: "choice-field" }, field);
  const show = () => (reset.hidden = definition.kind === "action" || !settings.isChosen(id));
  show();
  field.id = `setting-${id}`;
  const name = definition.kind === "action" ? make("span", {}, label) : make("label", { htmlFor: field.id }, label);
  const row = make("div", { className: "choice" },
    make("span", { className: "choice-label" }, name, note ? make("small", {}, note) : null, problem), reset, holder);
  ends.push(settings.listen(id, (value) => {
    show();
    if (field instanceof HTMLInputElement && field.type === "checkbox") field.checked = value;
    else if (field !== document.activeElement) /** @type {HTMLInputElement} */ (field).value = String(value);
  }));
  return row;
}

/** @param {Definition} definition @param {any} value @param {(value: any) => void} choose @returns {HTMLElement} */
function fieldOf(definition, value, choose) {
  const { kind, minimum, maximum, step = 1, label = "" } = definition;
  if (definition.render) {
    const place = make("span", {});
    definition.render(place);
    return place;
  }
  if (kind === "action") return make("button", { type: "button", onclick: () => definition.run?.() }, label);
  if (kind === "toggle") return make("input", { type: "checkbox", role: "switch", checked: value, onchange: (/** @type {any} */ event) => choose(event.target.checked) });
  if (kind === "number") {
    return make("input", {
      type: "number", min: String(minimum ?? ""), max: String(maximum ?? ""), step: String(step), value: String(value),
      oninput: (/** @type {any} */ event) => choose(event.target.value === "" ? NaN : Number(event.target.value)),
    });
  }
  if (kind === "text") return make("input", { type: "text", value, oninput: (/** @type {any} */ event) => choose(event.target.value) });
  const options = optionsOf(definition);
  const field = make("select", { onchange: (/** @type {any} */ event) => choose(options[event.target.selectedIndex].value) },
    ...options.map((option) => make("option", { value: String(option.value) }, option.label)));
  field.selectedIndex = options.findIndex((option) => option.value === value);
  return field;
}
