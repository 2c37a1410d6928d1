/** Every action is a command with a name and keys; the keymap is scoped, so that typing never triggers one. */

/** @import { Item } from "../ui/menu.js" */

import { t } from "../words.js";

/**
 * `scope` says where keys count: "page" everywhere (also while typing, so only with Ctrl), "canvas" when nothing is typed.
 * @typedef {{id: string, label: string, keys?: readonly string[], scope?: "page" | "canvas", run: () => void,
 *   isEnabled?: () => boolean}} Command
 */

const IS_MAC = typeof navigator !== "undefined" && navigator.platform.startsWith("Mac");

/** The commands of the page by id. */
export class Commands {
  constructor() {
    /** @type {Map<string, Command>} */ this.all = new Map();
    /** @type {Map<string, Command>} */ this.byKeys = new Map();
    /** @type {Readonly<Record<string, readonly string[]>>} */ this.chosen = {};
  }

  /** @param {readonly Command[]} commands */
  add(commands) {
    for (const command of commands) {
      this.all.set(command.id, command);
      for (const keys of this.keysOf(command)) this.byKeys.set(keys, command);
    }
  }

  /** The keys of a command: those that a person chose, or else its own. @param {Command} command @returns {readonly string[]} */
  keysOf(command) {
    return this.chosen[command.id] ?? command.keys ?? [];
  }

  /** Gives commands other keys, by their ids; those that are not named have their own. @param {Readonly<Record<string, readonly string[]>>} chosen */
  rebind(chosen) {
    this.chosen = chosen;
    this.byKeys.clear();
    for (const command of this.all.values()) for (const keys of this.keysOf(command)) this.byKeys.set(keys, command);
  }

  /** Takes a command away, with its keys. @param {string} id */
  remove(id) {
    const command = this.all.get(id);
    this.all.delete(id);
    for (const [keys, owner] of this.byKeys) if (owner === command) this.byKeys.delete(keys);
  }

  /** @param {string} id */
  run(id) {
    const command = this.all.get(id);
    if (!command) throw new Error(`no command ${id}`);
    if (command.isEnabled?.() ?? true) command.run();
  }

  /**
   * The command for a key press, or undefined.
   * @param {KeyboardEvent} event @param {boolean} isTyping
   * @returns {Command | undefined}
   */
  match(event, isTyping) {
    const command = this.byKeys.get(combination(event));
    if (!command || (isTyping && command.scope !== "page")) return undefined;
    return command;
  }

  /**
   * Menu entries for some commands; null is a line.
   * @param {readonly (string | null)[]} ids
   * @returns {Item[]}
   */
  items(ids) {
    return ids.map((id) => {
      const command = id === null ? undefined : this.all.get(id);
      if (!command) return null;
      return {
        label: command.label, keys: spokenKeys(this.keysOf(command)[0]), run: () => this.run(command.id),
        isDisabled: !(command.isEnabled?.() ?? true),
      };
    });
  }
}

const SIGNS = /** @type {Record<string, string>} */ ({ Equal: "=", Minus: "-", Period: ".", Comma: "," });

/** @typedef {Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey"> & {code?: string}} Press */

/**
 * The key that was pressed. Macs write other signs with Alt ("ç" for Alt+C), or begin an accent; there the place of the key counts.
 * @param {Press} event
 * @returns {string} in lower case
 */
function keyOf({ key, altKey, ctrlKey, code = "" }) {
  const isUsual = key.length > 1 ? key !== "Dead" : key.charCodeAt(0) < 128;
  if (!altKey || ctrlKey || isUsual) return key === " " ? "space" : key.toLowerCase();
  const [, sign] = /^(?:Key|Digit)(.)$/.exec(code) ?? [];
  return (sign ?? SIGNS[code] ?? key).toLowerCase();
}

/**
 * The name of a key press: modifiers in a fixed order, then the key, as in "ctrl+shift+z".
 * @param {Press} event
 * @returns {string}
 */
export function combination(event) {
  const key = keyOf(event);
  const isSign = key.length === 1 && !/[a-z0-9]/.test(key);
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("ctrl");
  if (event.altKey) parts.push("alt");
  if (event.shiftKey && !isSign) parts.push("shift");
  return [...parts, key].join("+");
}

/**
 * Keys as people read them.
 * @param {string | undefined} keys
 * @returns {string}
 */
export function spokenKeys(keys) {
  if (!keys) return "";
  const names = /** @type {Record<string, string>} */ ({
    ctrl: IS_MAC ? "⌘" : t("Ctrl"), alt: IS_MAC ? "⌥" : "Alt", shift: t("Shift"), enter: t("Enter"), delete: t("Del"), space: t("Space"),
    arrowleft: "←", arrowright: "→", arrowup: "↑", arrowdown: "↓", pageup: t("PgUp"), pagedown: t("PgDn"), backspace: t("Backspace"),
  });
  const parts = keys === "ctrl++" ? ["ctrl", "+"] : keys.split(/\+(?=.)/);
  return parts.map((part) => names[part] ?? part.toUpperCase()).join(IS_MAC ? "" : "+");
}
