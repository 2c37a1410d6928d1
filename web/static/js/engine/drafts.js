/** Keeps what is being edited in the browser, so that a reload or a crash loses nothing. One draft for each tab. */

import { parseJson, writeJson } from "../model/io/json.js";

const NAME = "sfumato";
const TABLE = "drafts";
const MOST = 24;
/** Set once a draft was ever written: a first visit need not open the database to find none. */
const FLAG = "sfumato.drafts";

/** @typedef {{tab: string, time: number, name: string, json: any, isDirty: boolean}} Draft */

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: "tab" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("no database"));
  });
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("request failed"));
  });
}

/** The drafts of all tabs; this one writes its own only. */
export class Drafts {
  constructor() {
    this.tab = sessionStorage.getItem("sfumato.tab") ?? crypto.getRandomValues(new Uint32Array(2)).join("-");
    this.timer = 0;
    /** @type {(() => Omit<Draft, "tab" | "time">) | null} */ this.pending = null;
    addEventListener("pagehide", () => this.flush());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this.flush();
    });
  }

  /**
   * Takes the name of this tab; a duplicated tab, which has its sibling's name, gets its own.
   * @returns {Promise<void>}
   */
  async claim() {
    if (!navigator.locks) return void sessionStorage.setItem("sfumato.tab", this.tab);
    const held = await navigator.locks.request(lockOf(this.tab), { ifAvailable: true }, (lock) => lock === null);
    if (held) this.tab = crypto.getRandomValues(new Uint32Array(2)).join("-");
    sessionStorage.setItem("sfumato.tab", this.tab);
    void navigator.locks.request(lockOf(this.tab), () => new Promise(() => undefined));
  }

  /**
   * The draft of this tab, or else the latest one that no open tab holds and that was never saved.
   * @returns {Promise<Draft | null>}
   */
  async find() {
    const late = this.late();
    if (!late && localStorage.getItem(FLAG) === null) {
      void this.claim();
      return null;
    }
    const [database] = await Promise.all([openDatabase(), this.claim()]);
    const drafts = /** @type {Draft[]} */ (await result(database.transaction(TABLE).objectStore(TABLE).getAll()));
    if (late) drafts.push(late);
    drafts.sort((one, other) => other.time - one.time);
    const own = drafts.find((draft) => draft.tab === this.tab);
    if (own || !navigator.locks) return own ?? null;
    const { held } = await navigator.locks.query();
    const busy = new Set((held ?? []).map((lock) => lock.name));
    return drafts.find((draft) => draft.isDirty && !busy.has(lockOf(draft.tab))) ?? null;
  }

  /** What could only be written as the page went away. @returns {Draft | null} */
  late() {
    const text = localStorage.getItem("sfumato.late");
    return text ? parseJson(text) : null;
  }

  /**
   * Writes a draft soon; the function is called when it is time.
   * @param {() => Omit<Draft, "tab" | "time">} describe
   */
  keep(describe) {
    this.pending = describe;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.write(), 300);
  }

  /** Writes what is pending. */
  async write() {
    const describe = this.pending;
    if (!describe) return;
    this.pending = null;
    const draft = { ...describe(), tab: this.tab, time: Date.now() };
    try {
      const table = (await openDatabase()).transaction(TABLE, "readwrite").objectStore(TABLE);
      await result(table.put(draft));
      localStorage.setItem(FLAG, "");
      if (this.late()?.tab === this.tab) localStorage.removeItem("sfumato.late");
      const keys = await result(table.getAllKeys());
      if (keys.length > MOST) await this.trim();
    } catch {
      this.pending ??= describe;
    }
  }

  /** Removes the oldest drafts. */
  async trim() {
    const table = (await openDatabase()).transaction(TABLE, "readwrite").objectStore(TABLE);
    const drafts = /** @type {Draft[]} */ (await result(table.getAll()));
    drafts.sort((one, other) => one.time - other.time);
    for (const draft of drafts.slice(0, drafts.length - MOST)) table.delete(draft.tab);
  }

  /** Writes at once, with the only means that works while a page goes away. */
  flush() {
    const describe = this.pending;
    if (!describe) return;
    try {
      localStorage.setItem("sfumato.late", writeJson({ ...describe(), tab: this.tab, time: Date.now() }));
    } catch {
      void this.write();
    }
  }
}

/** @param {string} tab @returns {string} */
function lockOf(tab) {
  return `sfumato.tab.${tab}`;
}
