/** The open workflows, each in a tab with its own document, history and place on screen; the store holds the one that is shown. */

/** @import { Document } from "../model/document.js" */
/** @import { Store } from "../model/store.js" */
/** @import { Doubt } from "../model/io/read.js" */
/** @import { Draft } from "./database.js" */

import { newUuid } from "../model/ids.js";
import { History } from "../model/history.js";
import { readWorkflow } from "../model/io/read.js";
import { writeWorkflow } from "../model/io/write.js";
import { t } from "../words.js";

/** What a workflow without a name is called. */
const untitled = () => t("Untitled");
/** @param {string} name @returns {boolean} whether nobody gave it, in this language or in English */
const isNewName = (name) => [untitled(), "Untitled"].includes(name.replace(/ \d+$/, ""));
const MOST_CLOSED = 32;

/**
 * What a tab begins with. `savedAs` is the name under which the server keeps it, `revision` what it was when last seen there.
 * @typedef {{id?: string, name?: string, isDirty?: boolean, savedAs?: string | null, revision?: string | null, view?: any,
 *   doubts?: readonly Doubt[]}} About
 */

/** One open workflow. It may be read only when it is first shown. */
export class Tab {
  /** @param {{document?: Document, json?: any}} content @param {About} about */
  constructor({ document = undefined, json = null }, about) {
    const { id = newUuid(), name, isDirty = false, savedAs = null, revision = null, view = null, doubts = [] } = about;
    this.id = id;
    /** @type {Document | undefined} */ this.document = document;
    /** editor JSON that was not read yet */ this.json = json;
    this.history = new History();
    /** @type {readonly string[]} */ this.path = [];
    this.savedAs = savedAs;
    this.revision = revision;
    this.wasDirty = isDirty;
    /** @type {readonly string[]} ids of the nodes that are selected */ this.selection = [];
    /** @type {import("../model/history.js").Entry | undefined} the last change that is saved */ this.savedEntry = undefined;
    /** what the canvas wants to find again: camera, selection */ this.view = view;
    this.doubts = doubts;
    this.givenName = name ?? null;
    if (document && name !== undefined) nameDocument(document, name);
  }

  /** What the workflow is called. */
  get name() {
    const name = this.document ? this.document.meta.get("name")?.value : this.givenName;
    return typeof name === "string" && name !== "" ? name : untitled();
  }

  /** Whether there is work that is saved nowhere but in drafts. */
  get isDirty() {
    return this.wasDirty || this.history.past.at(-1) !== this.savedEntry;
  }

  /** Whether nothing was ever done here, so that another workflow may take its place. */
  get isUntouched() {
    return !this.isDirty && this.savedAs === null && isNewName(this.name) && this.history.past.length === 0 && this.history.future.length === 0;
  }

  /** The id of the workflow, under which its runs are known. */
  get workflow() {
    return this.document?.id ?? String(this.json?.id ?? "");
  }
}

/** All tabs of the page. */
export class Workspace {
  /** @param {Store} store @param {() => Document} makeNew the document of a new tab */
  constructor(store, makeNew) {
    this.store = store;
    this.makeNew = makeNew;
    this.active = new Tab({ document: store.document }, { name: untitled() });
    this.active.history = store.history;
    /** @type {Tab[]} */ this.tabs = [this.active];
    /** @type {Draft[]} the last is the one closed last */ this.closed = [];
    /** @type {Map<string, string>} names of workflows by their id, of closed ones too */ this.names = new Map();
    /** @type {Set<() => void>} called when tabs come, go, change places or names */ this.listeners = new Set();
    /** @type {Set<() => void>} called when a workflow was saved */ this.saves = new Set();
    /** @type {(tab: Tab) => void} before another tab is shown */ this.leave = () => undefined;
    /** @type {(tab: Tab) => void} after a tab is shown */ this.enter = () => undefined;
    store.listen((change) => {
      if (change.reason === "enter") this.active.path = store.path;
      if (change.reason !== "open" && change.patches.every((patch) => patch.kind !== "meta")) return;
      this.active.document = store.document;
      this.active.history = store.history;
      this.tell();
    });
  }

  /** Calls back until the returned function is called. @param {() => void} listener @returns {() => void} */
  listen(listener) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Tells all listeners that the row of tabs has changed. */
  tell() {
    for (const tab of this.tabs) if (!tab.isUntouched) this.names.set(tab.workflow, tab.name);
    for (const listener of this.listeners) listener();
  }

  /**
   * Opens a workflow in a new tab and shows it; a tab in which nothing was done gives way.
   * @param {{document?: Document, json?: any}} content @param {About} about
   * @returns {Tab}
   */
  open(content, about) {
    const tab = new Tab(content, about);
    this.separate(tab);
    const former = this.active;
    this.tabs.splice(this.tabs.indexOf(former) + 1, 0, tab);
    this.show(tab);
    if (former.isUntouched) this.tabs.splice(this.tabs.indexOf(former), 1);
    this.tell();
    return tab;
  }

  /** Gives a workflow an id of its own if another tab has the same, so that their runs stay apart. @private @param {Tab} tab */
  separate(tab) {
    if (!this.tabs.some((other) => other !== tab && !other.isUntouched && other.workflow === tab.workflow)) return;
    if (tab.document) tab.document.id = newUuid();
    else tab.json = { ...tab.json, id: newUuid() };
  }

  /** Shows a tab. @param {Tab} tab */
  show(tab) {
    if (tab === this.active && this.store.document === tab.document) return;
    this.leave(this.active);
    this.active.path = this.store.path;
    this.active = tab;
    const document = this.read(tab);
    this.store.open(document, tab.history, tab.path);
    this.enter(tab);
    this.tell();
  }

  /** @private @param {Tab} tab @returns {Document} */
  read(tab) {
    if (tab.document) return tab.document;
    const { document, doubts } = readWorkflow(tab.json, this.store.catalogue);
    if (tab.givenName) nameDocument(document, tab.givenName);
    tab.doubts = doubts;
    tab.json = null;
    return (tab.document = document);
  }

  /** Shows the tab that is some places further, round the row. @param {number} step */
  step(step) {
    const index = this.tabs.indexOf(this.active) + step;
    this.show(this.tabs[(index + this.tabs.length) % this.tabs.length]);
  }

  /** Puts a tab at another place in the row. @param {Tab} tab @param {number} index */
  move(tab, index) {
    this.tabs.splice(this.tabs.indexOf(tab), 1);
    this.tabs.splice(Math.max(0, Math.min(this.tabs.length, index)), 0, tab);
    this.tell();
  }

  /**
   * Closes a tab. What it held can be opened again; the last tab gives way to a new one.
   * @param {Tab} tab @param {number} time
   * @returns {Draft | null} what is kept of it, null where there is nothing to keep
   */
  close(tab, time) {
    const index = this.tabs.indexOf(tab);
    const draft = tab.isUntouched ? null : { ...this.describe(tab), window: "", time, closed: time };
    if (draft) this.closed.push(draft);
    if (this.closed.length > MOST_CLOSED) this.closed.shift();
    if (this.tabs.length === 1) this.tabs.push(new Tab({ document: this.makeNew() }, { name: untitled() }));
    if (tab === this.active) this.show(this.tabs[index + 1] ?? this.tabs[index - 1]);
    this.tabs.splice(this.tabs.indexOf(tab), 1);
    this.tell();
    return draft;
  }

  /** Opens again what was closed last. @returns {Tab | null} */
  reopen() {
    const draft = this.closed.pop();
    return draft ? this.openDraft(draft) : null;
  }

  /** @param {Draft} draft @returns {Tab} */
  openDraft(draft) {
    return this.open({ json: draft.json }, {
      id: draft.id, name: draft.name, isDirty: draft.isDirty, savedAs: draft.savedAs, revision: draft.revision, view: draft.camera,
    });
  }

  /**
   * Takes the tabs of an earlier page, in their order; only the one that was shown is read now.
   * @param {readonly Draft[]} drafts @param {string} active
   */
  restore(drafts, active) {
    const tabs = drafts.map((draft) => new Tab({ json: draft.json }, {
      id: draft.id, name: draft.name, isDirty: draft.isDirty, savedAs: draft.savedAs, revision: draft.revision, view: draft.camera,
    }));
    this.tabs.unshift(...tabs);
    const wanted = tabs.find((tab) => tab.id === active) ?? tabs[0];
    for (const tab of [wanted, ...tabs]) {
      try {
        this.show(tab);
        break;
      } catch {
        // A draft that cannot be read stays as it is; another one is shown.
      }
    }
    this.tabs = this.tabs.filter((tab) => tab === this.active || !tab.isUntouched);
    this.tell();
  }

  /** A second workflow like the one in a tab, as a new one. @param {Tab} tab @param {string} name @returns {Tab} */
  duplicate(tab, name) {
    return this.open({ json: { ...this.describe(tab).json, id: newUuid() } }, { name, isDirty: true });
  }

  /**
   * The workflow of a tab as it is to be saved, and how to say that it was; what is changed meanwhile stays unsaved.
   * @param {Tab} tab
   * @returns {{json: any, saved: (savedAs: string, revision: string) => void}}
   */
  saving(tab) {
    tab.history.seal();
    const entry = tab.history.past.at(-1);
    const { json } = this.describe(tab);
    const saved = (/** @type {string} */ savedAs, /** @type {string} */ revision) => {
      tab.savedAs = savedAs;
      tab.revision = revision;
      tab.wasDirty = false;
      tab.savedEntry = entry;
      this.tell();
      for (const listener of this.saves) listener();
    };
    return { json, saved };
  }

  /** Lets tabs that are not on screen be read anew with another catalogue. @param {(json: any) => boolean} isBetter */
  unread(isBetter) {
    for (const tab of this.tabs) {
      if (tab === this.active || !tab.document || tab.history.past.length > 0) continue;
      const { json, name, isDirty } = this.describe(tab);
      if (!isBetter(json)) continue;
      Object.assign(tab, { json, givenName: name, wasDirty: isDirty, document: undefined, history: new History(), savedEntry: undefined });
    }
  }

  /**
   * All that a tab is made of, as it is kept.
   * @param {Tab} tab
   * @returns {Omit<Draft, "window" | "time">}
   */
  describe(tab) {
    const json = tab.document ? writeWorkflow(tab.document, this.store.catalogue) : tab.json;
    return {
      id: tab.id, name: tab.name, json, isDirty: tab.isDirty, savedAs: tab.savedAs, revision: tab.revision, camera: tab.view, closed: 0,
    };
  }

  /** A name for a new workflow that no open one has. @returns {string} */
  newName() {
    const taken = new Set(this.tabs.filter((tab) => tab !== this.active || !tab.isUntouched).map((tab) => tab.name));
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? untitled() : `${untitled()} ${number}`;
      if (!taken.has(name)) return name;
    }
  }

  /** What a workflow is called, or was when it was open last. @param {string | undefined} workflow @returns {string | null} */
  nameOf(workflow) {
    return this.names.get(workflow ?? "") ?? null;
  }

  /** @param {string} id @returns {Tab | undefined} */
  find(id) {
    return this.tabs.find((tab) => tab.id === id);
  }
}

/** @param {Document} document @param {string} name */
export function nameDocument(document, name) {
  document.meta.set("name", Object.freeze({ id: "name", value: name }));
}
