/** The settings of the page: what can be chosen, what was chosen, kept on the server for each user and mirrored in this browser. */

import { fetchSettings, sendSettings } from "./api.js";

const MIRROR = "sfumato.settings";
const FORMER = "sfumato.setting.";
const SEND_MILLISECONDS = 300;

/**
 * What can be chosen. `kind` says which values fit and how a dialog asks for them: a toggle is a boolean, a number lies between
 * `minimum` and `maximum`, a choice is the `value` of one of the `options`, text is any string, and a record is any JSON value
 * that no dialog shows (what was folded, what was last used). `action` calls `run` and keeps nothing.
 * `check` refuses a value with a sentence. `order` sorts within a category, lower first.
 * @typedef {{id: string, label?: string, category?: string, kind: "toggle" | "number" | "choice" | "text" | "record" | "action",
 *   fallback?: any, note?: string, minimum?: number, maximum?: number, step?: number, order?: number, owner?: string,
 *   options?: readonly {value: any, label: string}[] | (() => readonly {value: any, label: string}[]),
 *   check?: (value: any) => string | null, run?: () => void, render?: (field: HTMLElement) => void}} Definition
 */
/** @typedef {{dispose: () => void}} Handle */
/** @typedef {{getItem(key: string): string | null, setItem(key: string, value: string): void, removeItem(key: string): void}} Box */

/** A setting that nobody defined, or a value that does not fit the definition. */
export class SettingError extends Error {}

/** Made once, by the application. */
export class Settings {
  /**
   * @param {Box} [box] where the mirror lies, so that a page looks right before the server has answered
   * @param {{fetch: () => Promise<Record<string, any>>, send: (changes: Record<string, any>) => Promise<void>}} [server]
   */
  constructor(box = localStorage, server = { fetch: fetchSettings, send: sendSettings }) {
    this.box = box;
    this.server = server;
    /** @type {Map<string, Definition>} */ this.definitions = new Map();
    /** @type {Map<string, Set<(value: any) => void>>} */ this.listeners = new Map();
    /** @type {Set<() => void>} called when a definition comes or goes */ this.watchers = new Set();
    /** @type {Record<string, any>} what was chosen, also under ids that nobody defined yet */ this.values = {};
    /** @type {Record<string, any>} what the server has not yet been told */ this.unsent = {};
    /** the server was asked, and what it answers may be older than what it is told now */ this.isLoading = false;
    /** @type {string | null} why the last choices are not on the server */ this.problem = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.timer = undefined;
    this.readMirror();
  }

  /**
   * Makes a setting known.
   * @param {Definition} definition
   * @returns {Handle} takes the definition away; the choice is kept
   */
  define(definition) {
    const { id } = definition;
    if (this.definitions.has(id)) throw new SettingError(`the setting ${id} is defined twice`);
    this.definitions.set(id, definition);
    for (const watch of this.watchers) watch();
    return {
      dispose: () => {
        if (this.definitions.get(id) !== definition) return;
        this.definitions.delete(id);
        for (const watch of this.watchers) watch();
      },
    };
  }

  /**
   * What was chosen, or the fallback of the definition.
   * @param {string} id must be defined
   * @returns {any}
   */
  get(id) {
    const definition = this.definition(id);
    const value = this.values[id];
    return value === undefined || misfit(definition, value) !== null ? definition.fallback : value;
  }

  /** Whether the value differs from the fallback. @param {string} id */
  isChosen(id) {
    return JSON.stringify(this.get(id)) !== JSON.stringify(this.definition(id).fallback);
  }

  /**
   * Keeps a choice, here at once and on the server soon.
   * @param {string} id must be defined @param {any} value must fit
   */
  set(id, value) {
    const definition = this.definition(id);
    const reason = misfit(definition, value);
    if (reason !== null) throw new SettingError(`the setting ${id} ${reason}`);
    this.keep(id, value);
  }

  /**
   * Keeps a value under an id that need not be defined: what packs of the ecosystem store.
   * @param {string} id @param {any} value any JSON value
   */
  keep(id, value) {
    if (JSON.stringify(this.values[id]) === JSON.stringify(value)) return;
    this.values[id] = value;
    this.unsent[id] = value;
    this.writeMirror();
    this.tell(id);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), SEND_MILLISECONDS);
  }

  /**
   * Calls the listener at every change of a setting, from here or from another tab.
   * @param {string} id @param {(value: any) => void} listener gets the new value
   * @returns {() => void} stops it
   */
  listen(id, listener) {
    const known = this.listeners.get(id) ?? new Set();
    this.listeners.set(id, known.add(listener));
    return () => void known.delete(listener);
  }

  /** Takes what the server keeps; choices that it has not yet been told win. Throws what the server answers. */
  async load() {
    this.isLoading = true;
    try {
      this.take({ ...await this.server.fetch(), ...this.unsent });
    } finally {
      this.isLoading = false;
    }
    this.writeMirror();
    await this.flush();
  }

  /** Tells the server what it does not know; what fails is kept and sent with the next choice or at the next start. */
  async flush() {
    clearTimeout(this.timer);
    const changes = { ...this.unsent };
    if (Object.keys(changes).length === 0) return;
    try {
      await this.server.send(changes);
      for (const [id, value] of Object.entries(changes)) {
        if (!this.isLoading && JSON.stringify(this.unsent[id]) === JSON.stringify(value)) delete this.unsent[id];
      }
      this.problem = null;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
    this.writeMirror();
  }

  /** What another tab chose is taken from the mirror; the page calls this at its `storage` event. @param {string | null} key */
  followMirror(key) {
    if (key === MIRROR) this.readMirror();
  }

  /** @private @param {string} id @returns {Definition} */
  definition(id) {
    const definition = this.definitions.get(id);
    if (!definition) throw new SettingError(`there is no setting ${id}`);
    return definition;
  }

  /** @private @param {Record<string, any>} values */
  take(values) {
    const before = this.values;
    this.values = values;
    for (const id of new Set([...Object.keys(before), ...Object.keys(values)])) {
      if (JSON.stringify(before[id]) !== JSON.stringify(values[id])) this.tell(id);
    }
  }

  /** @private @param {string} id */
  tell(id) {
    const value = this.definitions.has(id) ? this.get(id) : this.values[id];
    for (const listener of this.listeners.get(id) ?? []) listener(value);
  }

  /** @private */
  readMirror() {
    const mirror = parsed(this.box.getItem(MIRROR));
    this.unsent = { ...mirror.unsent };
    const theme = this.box.getItem(`${FORMER}theme`);
    if (theme !== null) {
      this.unsent["appearance.theme"] ??= theme;
      this.box.removeItem(`${FORMER}theme`);
    }
    this.take({ ...mirror.values, ...this.unsent });
  }

  /** @private */
  writeMirror() {
    try {
      this.box.setItem(MIRROR, JSON.stringify({ values: this.values, unsent: this.unsent }));
    } catch {
      // A browser that keeps nothing still has the server.
    }
  }
}

/** @param {string | null} text @returns {{values?: Record<string, any>, unsent?: Record<string, any>}} */
function parsed(text) {
  try {
    const mirror = JSON.parse(text ?? "{}");
    return mirror !== null && typeof mirror === "object" ? mirror : {};
  } catch {
    return {};
  }
}

/** The choices of a setting. @param {Definition} definition */
export function optionsOf(definition) {
  return (typeof definition.options === "function" ? definition.options() : definition.options) ?? [];
}

/**
 * Why a value does not fit a definition, as the end of a sentence; null when it fits.
 * @param {Definition} definition @param {any} value
 * @returns {string | null}
 */
export function misfit(definition, value) {
  const { kind, minimum = -Infinity, maximum = Infinity } = definition;
  if (kind === "toggle" && typeof value !== "boolean") return `must be true or false, not ${JSON.stringify(value)}`;
  if (kind === "text" && typeof value !== "string") return `must be text, not ${JSON.stringify(value)}`;
  if (kind === "number" && !(typeof value === "number" && value >= minimum && value <= maximum)) {
    return `must be a number from ${minimum} to ${maximum}, not ${JSON.stringify(value)}`;
  }
  const options = optionsOf(definition);
  if (kind === "choice" && !options.some((option) => option.value === value)) {
    return `must be one of ${options.map((option) => option.value).join(", ")}, not ${JSON.stringify(value)}`;
  }
  return definition.check?.(value) ?? null;
}
