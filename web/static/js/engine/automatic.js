/** When runs start: once for each press, several in a row, after every change, or again and again. */

/** @import { Store } from "../model/store.js" */
/** @import { Runner, RunOptions } from "./runner.js" */

/** @typedef {"once" | "change" | "instant"} RunMode */

/** @type {readonly RunMode[]} */
export const RUN_MODES = ["once", "change", "instant"];
export const MOST_RUNS = 100;
const CHANGE_MILLISECONDS = 400;

/** Starts runs of the workflow on screen. */
export class Automatic {
  /** @param {Runner} runner @param {Store} store */
  constructor(runner, store) {
    this.runner = runner;
    this.store = store;
    /** @type {RunMode} */ this.mode = "once";
    /** how many runs one press starts */ this.count = 1;
    this.isOn = false;
    /** @type {string | null} the workflow that runs by itself */ this.workflow = null;
    /** changes so far, and how many of them the last run saw */ this.changes = 0;
    this.seen = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.timer = undefined;
    /** @type {Set<() => void>} */ this.listeners = new Set();
    runner.listen((event) => this.hear(event));
    store.listen((change) => {
      if (change.reason === "open") this.stop();
      if (change.reason !== "command" && change.reason !== "undo" && change.reason !== "redo") return;
      if (change.label === "Roll seeds") return;
      this.changes += 1;
      if (this.isOn) this.later();
    });
  }

  /** @param {() => void} listener */
  listen(listener) {
    this.listeners.add(listener);
  }

  /** @private */
  tell() {
    for (const listener of this.listeners) listener();
  }

  /** @param {RunMode} mode */
  setMode(mode) {
    this.mode = mode;
    this.stop();
  }

  /** @param {number} count runs for each press, 1 to 100 */
  setCount(count) {
    this.count = Math.max(1, Math.min(MOST_RUNS, Math.round(count) || 1));
    this.tell();
  }

  /** A press on Run. @param {RunOptions} options */
  async press(options = {}) {
    if (this.mode !== "once" && this.isOn) return this.stop();
    this.isOn = this.mode !== "once";
    this.workflow = this.isOn ? this.store.document.id : null;
    this.tell();
    const times = this.isOn ? 1 : this.count;
    for (let left = times; left > 0; left -= 1) if (!await this.start(options)) break;
  }

  /** @private @param {RunOptions} options @returns {Promise<boolean>} whether it was taken */
  start(options = {}) {
    this.seen = this.changes;
    return this.runner.run(options);
  }

  /** Lets it be after the run that is under way. */
  stop() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isOn = false;
    this.workflow = null;
    this.tell();
  }

  /** @private */
  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.isOn && !this.runner.current) void this.start();
    }, CHANGE_MILLISECONDS);
  }

  /** @private @param {import("./runner.js").RunEvent} event */
  hear({ type, job }) {
    if (!this.isOn || (job && job.documentId !== this.workflow)) return;
    if (type === "failed" || type === "refused" || type === "cancelled") return this.stop();
    if (type !== "finished" && type !== "unchanged") return;
    if (this.changes !== this.seen || (this.mode === "instant" && type === "finished")) this.later();
  }
}
