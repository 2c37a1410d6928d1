/** Loads the scripts of packs after the page stands: all at once, each with its time and its own errors. */

/** @import { App } from "../app.js" */

import { fetchExtensions } from "../engine/api.js";
import { toast } from "../ui/toasts.js";
import { t } from "../words.js";
import { Reports, packOf } from "./reports.js";

/** How long scripts may take before the others go on without them. */
const PATIENCE_MILLISECONDS = 10_000;
const SHOWN_SECONDS = 30;
const MENTIONED_SECONDS = 8;
/** Under what name errors of the adapter itself are listed. */
const ADAPTER = "Sfumato";

/** One for the page, as `App.extensions`. */
export class Extensions {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.reports = new Reports();
    /** @type {Map<string, Set<{dispose: () => void}>>} what each pack has registered */ this.handles = new Map();
    /** @type {Set<string>} addresses that were loaded */ this.loaded = new Set();
    /** @type {any} the adapter for scripts of the ecosystem, once one of them asked for it */ this.legacy = null;
    /** @type {Promise<any> | null} */ this.legacyComing = null;
    this.isDone = false;
    app.settings.define({ id: "extensions.off", kind: "record", fallback: [] });
    this.reports.listeners.add((report) => this.say(report));
    addEventListener("error", ({ error }) => this.blame(error));
    addEventListener("unhandledrejection", ({ reason }) => this.blame(reason));
    Object.assign(globalThis, { sfumatoLegacy: () => this.startLegacy() });
  }

  /** The packs whose scripts a person has turned off. @returns {readonly string[]} */
  get off() {
    const off = this.app.settings.get("extensions.off");
    return Array.isArray(off) ? off : [];
  }

  /** Loads what the server lists and this page has not loaded. Resolves when all came or the patience is over. */
  async load() {
    const scripts = (await fetchExtensions()).filter((path) => !this.loaded.has(path));
    const isSafe = new URLSearchParams(globalThis.location.search).get("packs") === "off";
    const wanted = scripts.filter((path) => {
      const report = this.reports.of(packName(path));
      if (isSafe || this.off.includes(report.name)) report.state = "off";
      return report.state !== "off";
    });
    if (scripts.length > 0 && !this.app.commands.all.has("extensions")) this.offerSheet();
    await Promise.all(wanted.map((path) => this.loadScript(path)));
    if (this.legacy) await this.legacy.begin().catch((/** @type {unknown} */ error) => this.reports.fail(ADAPTER, t("starting"), error));
    this.isDone = true;
  }

  /** @private the command that lists them comes with the first script */
  offerSheet() {
    this.app.commands.add([{
      id: "extensions", label: t("Scripts of packs…"),
      run: () => void import("./sheet.js").then(({ openSheet }) => openSheet(this)),
    }]);
  }

  /** @private @param {string} path */
  async loadScript(path) {
    const name = packName(path);
    const report = this.reports.of(name);
    const start = performance.now();
    this.loaded.add(path);
    report.scripts += 1;
    const late = Symbol("late");
    const coming = this.importScript(name, path).then(() => {
      report.milliseconds = Math.max(report.milliseconds, performance.now() - start);
      if (report.state !== "failed") report.state = "loaded";
    }, (error) => {
      report.state = "failed";
      this.reports.fail(name, t("loading {path}", { path }), error);
    });
    const patience = new Promise((resolve) => setTimeout(() => resolve(late), PATIENCE_MILLISECONDS));
    if (await Promise.race([coming, patience]) !== late) return;
    report.state = "late";
    this.reports.fail(name, t("loading {path}", { path }), t("It took longer than {seconds} s.", { seconds: PATIENCE_MILLISECONDS / 1000 }));
  }

  /** @private @param {string} name @param {string} path */
  async importScript(name, path) {
    const module = await import(new URL(path.slice(1), document.baseURI).href);
    if (module.api === undefined) return;
    const { API, nativeApi } = await import("./native.js");
    if (module.api !== API) {
      throw new Error(t("It is made for version {asked} of the extension API; this page has {own}.", { asked: module.api, own: API }));
    }
    if (typeof module.default !== "function") throw new Error(t("It exports no default function."));
    this.reports.of(name).kind = "native";
    const handles = this.handlesOf(name);
    await module.default(nativeApi(this.app, this.reports, name, handles));
  }

  /** @param {string} name @returns {Set<{dispose: () => void}>} */
  handlesOf(name) {
    const handles = this.handles.get(name) ?? new Set();
    this.handles.set(name, handles);
    return handles;
  }

  /** Takes away all that a pack registered through the native interface. @param {string} name */
  dispose(name) {
    for (const handle of [...this.handlesOf(name)].reverse()) handle.dispose();
    this.handles.delete(name);
  }

  /** Turns the scripts of a pack off or on; what ran already goes at the next start. @param {string} name @param {boolean} isOn */
  turn(name, isOn) {
    const off = this.off.filter((one) => one !== name);
    this.app.settings.set("extensions.off", isOn ? off : [...off, name]);
    if (!isOn) this.dispose(name);
  }

  /** @private An error that nobody caught: remembered where a pack's script is on its stack. @param {any} error */
  blame(error) {
    const pack = packOf(error?.stack ?? "");
    if (pack) this.reports.fail(pack, t("later"), error);
  }

  /** @private The adapter is fetched when the first script imports one of the ecosystem's modules, and never otherwise. */
  startLegacy() {
    this.legacyComing ??= import(new URL("../../legacy/start.js", import.meta.url).href)
      .then(({ startLegacy }) => (this.legacy = startLegacy(this.app, this)));
    return this.legacyComing;
  }

  /** @private @param {import("./reports.js").Report} report */
  say(report) {
    const { errors, lacks, name } = report;
    const text = errors.length > 0
      ? t("The scripts of {name} had an error: {message}", { name, message: errors[errors.length - 1].message })
      : t("The scripts of {name} use {member}, which this page does not have.", { name, member: [...lacks].at(-1) });
    const show = () => void import("./sheet.js").then(({ openSheet }) => openSheet(this));
    toast(text, {
      kind: errors.length > 0 ? "bad" : "plain", name: `extension-${name}`, seconds: errors.length > 0 ? SHOWN_SECONDS : MENTIONED_SECONDS,
      action: { label: t("Details"), run: show },
    });
  }
}

/** @param {string} path "/extensions/<pack>/…" @returns {string} */
export function packName(path) {
  return decodeURIComponent(path.split("/")[2] ?? path);
}
