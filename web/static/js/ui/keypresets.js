/** Sets of keys under names: kept, chosen, taken to other computers as files. */

/** @import { App } from "../app.js" */

import { KEYS } from "../commands/choices.js";
import { t } from "../words.js";
import { askText } from "./dialogs.js";
import { make } from "./dom.js";
import { chooseJson, saveFile } from "./localfiles.js";
import { tell, toast } from "./toasts.js";

/** @typedef {Readonly<Record<string, readonly string[]>>} Keys by command */

const PRESETS = "keys.presets";
const FORMAT = "sfumato/keys";
const KEY = /^((ctrl|alt|shift)\+)*(\S+|\+)$/;

/**
 * The set in a file; throws with a sentence where it holds none.
 * @param {any} json @param {ReadonlySet<string>} known ids of commands
 * @returns {{name: string, keys: Keys, unknown: number}}
 */
export function readKeys(json, known) {
  if (json?.format !== FORMAT || json.keys === null || typeof json.keys !== "object") throw new Error(t("This file holds no keys."));
  const entries = Object.entries(json.keys).filter(([, keys]) => Array.isArray(keys) && keys.every((one) => typeof one === "string" && KEY.test(one)));
  const keys = Object.fromEntries(entries.filter(([id]) => known.has(id)));
  return { name: String(json.name ?? ""), keys, unknown: Object.keys(json.keys).length - Object.keys(keys).length };
}

/** @param {App} app @param {() => void} refill @returns {HTMLElement} the row of the settings that handles the sets */
export function presetRow(app, refill) {
  const { settings, commands } = app;
  if (!settings.definitions.has(PRESETS)) settings.define({ id: PRESETS, kind: "record", fallback: {} });
  /** @type {Record<string, Keys>} */
  const presets = settings.get(PRESETS);
  const now = JSON.stringify(settings.get(KEYS));
  const names = Object.keys(presets).sort((one, other) => one.localeCompare(other));
  const current = now === "{}" ? "" : names.find((name) => JSON.stringify(presets[name]) === now) ?? null;
  const list = make("select", { "aria-label": t("Set of keys"), "data-focus": "key-set" }, make("option", { value: "" }, t("As the page brings them")),
    ...names.map((name) => make("option", { value: `=${name}` }, name)), ...(current === null ? [make("option", { value: "?" }, t("Your own"))] : []));
  list.value = current === null ? "?" : current === "" ? "" : `=${current}`;
  list.addEventListener("change", () => {
    if (list.value === "?") return;
    settings.set(KEYS, list.value === "" ? {} : presets[list.value.slice(1)]);
    refill();
  });
  const keep = async () => {
    const name = await askText(t("Name of the set of keys"), "", t("Keep"));
    if (name) settings.set(PRESETS, { ...presets, [name]: settings.get(KEYS) });
    refill();
  };
  const forget = () => {
    const { [current ?? ""]: _gone, ...rest } = presets;
    settings.set(PRESETS, rest);
    refill();
  };
  const bring = async () => {
    const chosen = await chooseJson();
    if (!chosen) return;
    const { name, keys, unknown } = readKeys(chosen.json, new Set(commands.all.keys()));
    settings.set(PRESETS, { ...settings.get(PRESETS), [name || chosen.name]: keys });
    settings.set(KEYS, keys);
    if (unknown > 0) toast(t("{count} entries were left out: their commands or keys are not known here.", { count: unknown }));
    refill();
  };
  const button = (/** @type {string} */ label, /** @type {() => unknown} */ run) => make("button", { type: "button", "data-focus": label, onclick: () => void run() }, label);
  return make("div", { className: "choice key-sets" }, make("span", { className: "choice-label" }, t("Set of keys")),
    make("span", { className: "choice-field" }, list), button(t("Keep…"), keep), ...(current ? [button(t("Delete"), forget)] : []),
    button(t("Export"), () => saveFile(`${current || t("Keys")}.json`, JSON.stringify({ format: FORMAT, name: current ?? "", keys: settings.get(KEYS) }, null, 2))),
    button(t("Import…"), () => tell(bring())));
}
