/** The parts of the page and what they share: the document's name, whether it is saved, opening another. */

/** @import { Document } from "./model/document.js" */
/** @import { Drafts } from "./engine/drafts.js" */
/** @import { Doubt } from "./model/io/read.js" */

import { Commands } from "./commands/registry.js";
import { Actions } from "./commands/actions.js";
import { View } from "./canvas/view.js";
import { Pictures } from "./canvas/pictures.js";
import { listenToPointer } from "./canvas/input/pointer.js";
import { inputUrl } from "./engine/api.js";
import { Board } from "./engine/board.js";
import { Runner } from "./engine/runner.js";
import { newUuid } from "./model/ids.js";
import { writeWorkflow } from "./model/io/write.js";
import { Store } from "./model/store.js";
import { Bottom } from "./ui/bottom.js";
import { Sidebar } from "./ui/sidebar.js";

/** Made once, by main.js. */
export class App {
  /**
   * @param {HTMLElement} stage @param {Document} document @param {import("./model/types.js").Definitions} definitions
   * @param {Drafts} drafts @param {import("./engine/settings.js").Settings} settings
   */
  constructor(stage, document, definitions, drafts, settings) {
    this.clientId = sessionStorage.getItem("sfumato.client") ?? newUuid();
    sessionStorage.setItem("sfumato.client", this.clientId);
    this.settings = settings;
    this.store = new Store(document, definitions);
    this.board = new Board();
    this.pictures = new Pictures(inputUrl);
    this.view = new View(stage, this.store, this.board, this.pictures);
    this.runner = new Runner(this.store, this.board, this.clientId);
    this.drafts = drafts;
    this.commands = new Commands();
    /** @type {import("./extensions/loader.js").Extensions | null} */ this.extensions = null;
    this.sidebar = new Sidebar(settings, this.commands);
    this.bottom = new Bottom(settings, this.commands);
    for (const dock of [this.sidebar, this.bottom]) dock.listeners.add(() => this.layOut(stage));
    this.actions = new Actions(this);
    this.chart = listenToPointer(this.view, this.actions);
    this.wasDirty = false;
    /** @type {import("./model/history.js").Entry | undefined} the last change that is saved */ this.savedEntry = undefined;
    this.isStarted = false;
    /** @type {string | null} the name under which the server keeps this workflow */ this.savedAs = null;
    this.store.listen((change) => {
      if (change.reason === "definitions" || change.reason === "open") return;
      this.keepDraft();
    });
  }

  /** Lets what floats follow the docks, and keeps the graph where it stands on the screen. @param {HTMLElement} stage */
  layOut(stage) {
    const { left, bottom } = stage.getBoundingClientRect();
    const before = parseFloat(document.body.style.getPropertyValue("--left")) || 0;
    document.body.style.setProperty("--left", `${left}px`);
    document.body.style.setProperty("--foot", `${innerHeight - bottom}px`);
    this.view.camera.x += (left - before) / this.view.camera.scale;
    this.view.redraw();
  }

  /** Whether there is work that is saved nowhere but in the draft of this tab. */
  get isDirty() {
    return this.wasDirty || this.store.history.past.at(-1) !== this.savedEntry;
  }

  /** What the workflow is called. */
  get name() {
    const name = this.store.document.meta.get("name")?.value;
    return typeof name === "string" && name !== "" ? name : "Untitled";
  }

  /** Writes the draft of this tab soon. */
  keepDraft() {
    this.drafts.keep(() => ({ name: this.name, json: this.workflow(), isDirty: this.isDirty }));
  }

  /** The open document as editor JSON. @returns {any} */
  workflow() {
    return writeWorkflow(this.store.document, this.store.catalogue);
  }

  /**
   * Opens a document in place of the present one.
   * @param {Document} document @param {string} name @param {{doubts?: readonly Doubt[], isDirty?: boolean, savedAs?: string | null}} about
   */
  open(document, name, { doubts = [], isDirty = false, savedAs = null } = {}) {
    document.meta.set("name", Object.freeze({ id: "name", value: name }));
    this.wasDirty = isDirty;
    this.savedEntry = undefined;
    this.savedAs = savedAs;
    this.store.open(document);
    this.view.fit();
    this.keepDraft();
    this.actions.showDoubts(doubts);
    if (this.isStarted) void this.runner.recover().catch(() => undefined);
  }

  /** The document is now kept elsewhere under a name. @param {string | null} savedAs */
  markSaved(savedAs) {
    this.savedAs = savedAs;
    this.wasDirty = false;
    this.store.history.seal();
    this.savedEntry = this.store.history.past.at(-1);
    this.keepDraft();
    this.store.tell({ reason: "definitions", label: "Saved", patches: [] });
  }
}
