/** Settings as packs declare them, kept in those of the page. */

import { SettingError } from "../js/engine/settings.js";
import { attempt, page } from "./page.js";

/** @type {Record<string, any>} */
const KINDS = { boolean: "toggle", number: "number", slider: "number", knob: "number", combo: "choice", radio: "choice", text: "text", url: "text", color: "text", hidden: "record", image: "text" };

const optionOf = (option) => (option !== null && typeof option === "object" ? { value: option.value ?? option.text, label: String(option.text ?? option.value) } : { value: option, label: String(option) });

/**
 * Makes a pack's setting known.
 * @param {any} setting as the ecosystem describes it @param {string | null} pack
 */
export function addSetting(setting, pack) {
  const { id, name, type, defaultValue, attrs = {}, options, onChange, tooltip, category } = setting;
  const { settings } = page.app;
  const isMade = typeof type === "function";
  const kind = isMade ? "record" : KINDS[type] ?? (type === undefined ? "record" : "text");
  const words = typeof options === "function" ? () => options(settings.values[id]).map(optionOf) : options?.map(optionOf);
  const label = typeof name === "string" ? name : id;
  if (!settings.definitions.has(id)) {
    settings.define({
      id, label, category: category?.[0] ?? pack ?? "", kind, fallback: defaultValue, owner: pack ?? "", ...(tooltip ? { note: tooltip } : {}),
      ...(kind === "number" ? { minimum: attrs.min ?? -Infinity, maximum: attrs.max ?? Infinity, step: attrs.step ?? 1 } : {}),
      ...(words ? { options: words } : {}),
      ...(isMade ? { render: (/** @type {HTMLElement} */ field) => renderMade(field, setting, pack) } : {}),
    });
  }
  const tell = (value, old) => void (onChange && attempt(`setting ${id}`, () => onChange(value, old), pack ?? undefined));
  let last = getSetting(id, defaultValue);
  settings.listen(id, (value) => {
    const old = last;
    last = value;
    tell(value, old);
    page.comfy.ui?.settings.dispatchEvent(new CustomEvent(`${id}.change`, { detail: { value, oldValue: old } }));
  });
  tell(last, undefined);
  return { get value() { return getSetting(id, defaultValue); }, set value(value) { setSetting(id, value); } };
}

function renderMade(field, { id, name, type, attrs, defaultValue }, pack) {
  const made = attempt(`setting ${id}`, () => type(name, (value) => setSetting(id, value), getSetting(id, defaultValue), attrs), pack ?? undefined);
  if (made instanceof Node) field.append(made);
}

/** A stored value; packs also ask for ids that nobody defined. @param {string} id @param {any} [fallback] */
export function getSetting(id, fallback) {
  const { settings } = page.app;
  if (settings.definitions.has(id)) return settings.get(id) ?? fallback;
  return settings.values[id] ?? fallback;
}

/** @param {string} id @param {any} value */
export function setSetting(id, value) {
  const { settings } = page.app;
  try {
    if (settings.definitions.has(id)) return settings.set(id, value);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
  }
  return settings.keep(id, value);
}
