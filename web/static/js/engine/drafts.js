/** Keeps what is being edited, in the browser after every change and on the server soon after, so that nothing can lose it. */

/** @import { Box, Draft, Windowed } from "./database.js" */

import { parseJson, writeJson } from "../model/io/json.js";

const BROWSER_MILLISECONDS = 250;
const SERVER_MILLISECONDS = 2000;
const RETRY_MILLISECONDS = 5000;
/** A gesture puts a draft off by so many rounds of BROWSER_MILLISECONDS and no more. */
const MOST_WAITS = 20;
const REST_MILLISECONDS = 300;
const MOST_CLOSED = 32;
const DAYS_CLEAN = 7;
const DAY = 86_400_000;
const LATE = "sfumato.late.";

/** @typedef {{getItem(key: string): string | null, setItem(key: string, value: string): void, removeItem(key: string): void}} Late */
/**
 * What drafts are made of. `describe` gives all of one tab, `windowed` which tabs there are.
 * @typedef {{describe: (id: string) => Omit<Draft, "window" | "time"> | null, windowed: () => {tabs: string[], active: string}}} Source
 */
/** @typedef {{tabs: Draft[], closed: Draft[], active: string}} Found what was kept of an earlier page */
/** @typedef {{send: (id: string, draft: any) => Promise<void>, drop: (id: string) => Promise<void>}} Server */

/** The drafts of one browser tab ("window"), which writes its own only. */
export class Drafts {
  /** @param {string} window @param {Box} box @param {Late} late @param {Server} server @param {() => number} clock */
  constructor(window, box, late, server, clock = Date.now) {
    this.window = window;
    this.box = box;
    this.late = late;
    this.server = server;
    this.clock = clock;
    /** @type {Source | null} */ this.source = null;
    /** @type {Set<string>} */ this.unwritten = new Set();
    /** @type {Set<string>} */ this.unsent = new Set();
    /** @type {Set<string>} what the server keeps and need not */ this.undropped = new Set();
    /** @type {Set<string>} what the server keeps */ this.sent = new Set();
    this.isWindowUnwritten = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.writeTimer = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.sendTimer = undefined;
    /** @type {{browser: string | null, server: string | null}} why drafts are not kept there */ this.problems = { browser: null, server: null };
    /** @type {Set<() => void>} called when a problem comes or goes */ this.listeners = new Set();
    /** how long the last write took: with big graphs it is done less often */ this.cost = 0;
    /** @type {() => boolean} whether a person holds something that a write would make stutter */ this.isHeld = () => false;
  }

  /** A tab has changed: it is written soon. Calls while one waits do not put it off. @param {string} id */
  touch(id) {
    this.unwritten.add(id);
    this.unsent.add(id);
    this.undropped.delete(id);
    this.schedule();
  }

  /** Tabs came, went or changed places. */
  touchWindow() {
    this.isWindowUnwritten = true;
    this.schedule();
  }

  /** A tab needs no draft on the server any more: it was saved. @param {string} id */
  settle(id) {
    this.unsent.delete(id);
    if (this.sent.has(id)) this.undropped.add(id);
    this.schedule();
  }

  /** @private */
  schedule() {
    this.writeTimer ??= setTimeout(() => this.rest(() => void this.write()), Math.max(BROWSER_MILLISECONDS, 8 * this.cost));
    this.sendTimer ??= setTimeout(() => this.rest(() => void this.send()), SERVER_MILLISECONDS);
  }

  /**
   * Does a piece of work when nothing is held and the page has a moment, but not much later than now.
   * @private @param {() => void} work @param {number} waits
   */
  rest(work, waits = MOST_WAITS) {
    if (this.isHeld() && waits > 0) setTimeout(() => this.rest(work, waits - 1), BROWSER_MILLISECONDS);
    else if (globalThis.requestIdleCallback === undefined) work();
    else globalThis.requestIdleCallback(work, { timeout: REST_MILLISECONDS });
  }

  /** @private @param {string} id @returns {Draft | null} */
  record(id) {
    const about = this.source?.describe(id);
    return about ? { ...about, window: this.window, time: this.clock() } : null;
  }

  /** @private @returns {Windowed} */
  windowRecord() {
    return { id: this.window, time: this.clock(), ...(this.source?.windowed() ?? { tabs: [], active: "" }) };
  }

  /** Writes what has changed into the browser. */
  async write() {
    clearTimeout(this.writeTimer);
    this.writeTimer = undefined;
    const ids = [...this.unwritten];
    if (ids.length === 0 && !this.isWindowUnwritten) return;
    this.unwritten.clear();
    this.isWindowUnwritten = false;
    const start = performance.now();
    try {
      await this.box.put(ids.map((id) => this.record(id)).filter((draft) => draft !== null), this.windowRecord());
      this.late.removeItem(LATE + this.window);
      this.say("browser", null);
    } catch (error) {
      for (const id of ids) this.unwritten.add(id);
      this.isWindowUnwritten = true;
      this.say("browser", sentenceOf(error));
      this.writeTimer ??= setTimeout(() => void this.write(), RETRY_MILLISECONDS);
    }
    this.cost = performance.now() - start;
  }

  /** Tells the server what has changed and is saved nowhere. */
  async send() {
    clearTimeout(this.sendTimer);
    this.sendTimer = undefined;
    try {
      for (const id of [...this.undropped]) {
        this.undropped.delete(id);
        this.sent.delete(id);
        await this.server.drop(id);
      }
      for (const id of [...this.unsent]) await this.sendOne(id);
      this.say("server", null);
    } catch (error) {
      this.say("server", sentenceOf(error));
      this.sendTimer ??= setTimeout(() => void this.send(), RETRY_MILLISECONDS);
    }
  }

  /** @private @param {string} id */
  async sendOne(id) {
    this.unsent.delete(id);
    const draft = this.record(id);
    if (!draft?.isDirty) return;
    const { json, ...about } = draft;
    try {
      await this.server.send(id, { ...about, workflow: json });
      this.sent.add(id);
    } catch (error) {
      this.unsent.add(id);
      throw error;
    }
  }

  /** @private @param {"browser" | "server"} where @param {string | null} problem */
  say(where, problem) {
    if (this.problems[where] === problem) return;
    this.problems[where] = problem;
    for (const listener of this.listeners) listener();
  }

  /** Writes at once, by every means that may still work while a page goes away. */
  flush() {
    const drafts = [...this.unwritten].map((id) => this.record(id)).filter((draft) => draft !== null);
    if (drafts.length > 0) {
      try {
        this.late.setItem(LATE + this.window, writeJson(drafts));
      } catch {
        // Too large for this store; the database is tried all the same.
      }
    }
    void this.write();
    if (this.unsent.size > 0) void this.send();
  }

  /**
   * What this window had open; or else what the latest window had that nobody holds and that holds unsaved work.
   * @param {(window: string) => boolean} isHeld whether a browser tab of that name is open
   * @returns {Promise<Found>}
   */
  async find(isHeld) {
    const { drafts, windows } = await this.box.all();
    const byId = new Map(drafts.map((draft) => [draft.id, draft]));
    const mayTake = (/** @type {string} */ id) => id === this.window || !isHeld(id);
    for (const window of new Set([this.window, ...drafts.map((draft) => draft.window)])) {
      if (!mayTake(window)) continue;
      for (const late of this.lateOf(window)) if (late.time > (byId.get(late.id)?.time ?? 0)) byId.set(late.id, late);
    }
    const free = [...byId.values()].filter((draft) => mayTake(draft.window));
    const own = windows.find((one) => one.id === this.window) ?? orphanOf(free, windows, this.window);
    const names = own?.tabs ?? free.filter((draft) => draft.isDirty && draft.closed === 0).map((draft) => draft.id);
    const tabs = names.map((id) => byId.get(id)).filter((draft) => draft !== undefined && mayTake(draft.window));
    const others = free.filter((draft) => !names.includes(draft.id));
    await this.sweep(others, windows.filter((one) => mayTake(one.id) && one.id !== this.window));
    for (const draft of free) if (draft.isDirty) this.sent.add(draft.id);
    return {
      tabs: /** @type {Draft[]} */ (tabs), active: own?.active ?? "",
      closed: others.filter((draft) => draft.isDirty || draft.closed > 0).sort((one, other) => lastOf(one) - lastOf(other)).slice(-MOST_CLOSED),
    };
  }

  /** @private @param {string} window @returns {Draft[]} what could only be written as its page went away */
  lateOf(window) {
    try {
      return parseJson(this.late.getItem(LATE + window) ?? "[]");
    } catch {
      return [];
    }
  }

  /** Removes old drafts that hold no unsaved work. @private @param {readonly Draft[]} drafts @param {readonly Windowed[]} windows */
  async sweep(drafts, windows) {
    const old = this.clock() - DAYS_CLEAN * DAY;
    const ids = [
      ...drafts.filter((draft) => !draft.isDirty && draft.time < old).map((draft) => draft.id),
      ...windows.filter((one) => one.time < old).map((one) => one.id),
    ];
    if (ids.length > 0) await this.box.remove(ids).catch(() => undefined);
  }

  /** Forgets drafts for good. @param {readonly string[]} ids */
  async forget(ids) {
    for (const id of ids) {
      this.unwritten.delete(id);
      this.settle(id);
    }
    await this.box.remove(ids);
  }
}

/** @param {Draft} draft */
function lastOf(draft) {
  return Math.max(draft.time, draft.closed);
}

/**
 * The window that was left with unsaved work last.
 * @param {readonly Draft[]} free drafts that nobody holds @param {readonly Windowed[]} windows @param {string} own
 */
function orphanOf(free, windows, own) {
  const dirty = new Set(free.filter((draft) => draft.isDirty && draft.closed === 0).map((draft) => draft.id));
  return windows.filter((one) => one.id !== own && one.tabs.some((id) => dirty.has(id))).sort((one, other) => other.time - one.time)[0];
}

/** @param {unknown} error */
function sentenceOf(error) {
  return error instanceof Error ? error.message : String(error);
}
