/** The parts of the page and what they share: the open workflows, what is on screen, the drafts of it. */

/** @import { Document } from "./model/document.js" */
/** @import { Drafts } from "./engine/drafts.js" */
/** @import { About, Tab } from "./engine/workspace.js" */

import { Commands } from "./commands/registry.js";
import { Actions } from "./commands/actions.js";
import { pasteText } from "./commands/clipboard.js";
import { View } from "./canvas/view.js";
import { Pictures } from "./canvas/pictures.js";
import { listenToPointer } from "./canvas/input/pointer.js";
import { inputUrl } from "./engine/api.js";
import { Automatic } from "./engine/automatic.js";
import { Board } from "./engine/board.js";
import { loadWorkflow } from "./engine/kept.js";
import { Runner } from "./engine/runner.js";
import { Workspace } from "./engine/workspace.js";
import { writeJson } from "./model/io/json.js";
import { writeWorkflow } from "./model/io/write.js";
import { starterDocument } from "./model/starter.js";
import { Store } from "./model/store.js";
import { Bottom } from "./ui/bottom.js";
import { Sidebar } from "./ui/sidebar.js";

const NAMES = "sfumato.names";
const MOST_NAMES = 300;

/** Made once, by main.js. */
export class App {
  /**
   * @param {HTMLElement} stage @param {Document} document @param {import("./model/types.js").Definitions} definitions
   * @param {Drafts} drafts @param {import("./engine/settings.js").Settings} settings
   */
  constructor(stage, document, definitions, drafts, settings) {
    this.clientId = drafts.window;
    this.settings = settings;
    this.store = new Store(document, definitions);
    this.workspace = new Workspace(this.store, () => starterDocument(this.store.catalogue));
    this.board = new Board();
    this.pictures = new Pictures(inputUrl);
    this.view = new View(stage, this.store, this.board, this.pictures);
    this.runner = new Runner(this.store, this.board, this.clientId);
    this.runner.workflows = () => this.workspace.tabs.map((tab) => tab.workflow);
    this.automatic = new Automatic(this.runner, this.store);
    this.drafts = drafts;
    this.commands = new Commands();
    this.sidebar = new Sidebar(settings, this.commands);
    this.bottom = new Bottom(settings, this.commands);
    for (const dock of [this.sidebar, this.bottom]) dock.listeners.add(() => this.layOut(stage));
    addEventListener("resize", () => this.layOut(stage));
    this.actions = new Actions(this);
    this.chart = listenToPointer(this.view, this.actions);
    /** @type {import("./extensions/loader.js").Extensions | null} */ this.extensions = null;
    this.isStarted = false;
    this.recallNames();
    this.tendWorkspace();
  }

  /** Remembers in this browser what workflows are called, for the jobs of those that are closed. @private */
  recallNames() {
    const { names } = this.workspace;
    try {
      for (const [workflow, name] of JSON.parse(localStorage.getItem(NAMES) ?? "[]")) names.set(workflow, name);
    } catch {
      localStorage.removeItem(NAMES);
    }
    addEventListener("pagehide", () => localStorage.setItem(NAMES, JSON.stringify([...names].slice(-MOST_NAMES))));
  }

  /** Keeps camera, selection and drafts of the tabs. */
  tendWorkspace() {
    const { workspace, drafts, store } = this;
    drafts.source = {
      describe: (id) => {
        const tab = workspace.find(id);
        if (tab === undefined) return workspace.closed.find((draft) => draft.id === id) ?? null;
        if (tab === workspace.active) this.keepView(tab);
        return workspace.describe(tab);
      },
      windowed: () => ({ tabs: workspace.tabs.map((tab) => tab.id), active: workspace.active.id }),
    };
    drafts.isHeld = () => this.chart.name !== "idle";
    workspace.leave = (tab) => this.keepView(tab);
    workspace.enter = (tab) => this.enter(tab);
    workspace.listen(() => {
      drafts.touchWindow();
      const open = new Set([...this.runner.workflows(), ...[...this.runner.jobs.values()].map((job) => job.documentId)]);
      for (const workflow of this.board.states.keys()) if (!open.has(workflow)) this.board.forget(workflow);
    });
    store.listen((change) => {
      if (change.reason === "command" || change.reason === "undo" || change.reason === "redo") this.keepDraft();
    });
  }

  /** @private @param {Tab} tab */
  keepView(tab) {
    const { x, y, scale } = this.view.camera;
    tab.view = { x, y, scale };
    tab.selection = [...this.view.selection];
  }

  /** @private @param {Tab} tab */
  enter(tab) {
    const { view } = this;
    view.place = this.store.path.join();
    view.select(tab.selection.filter((id) => this.store.graph.nodes.has(id)));
    if (tab.view && [tab.view.x, tab.view.y, tab.view.scale].every(Number.isFinite)) {
      Object.assign(view.camera, { x: tab.view.x, y: tab.view.y, scale: tab.view.scale });
      view.redraw();
    } else view.fit();
    this.actions.showDoubts(tab.doubts);
    tab.doubts = [];
    if (this.isStarted) void this.runner.recover().catch(() => undefined);
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

  /** Whether the workflow on screen holds work that is saved nowhere but in drafts. */
  get isDirty() {
    return this.workspace.active.isDirty;
  }

  /** What the workflow on screen is called. */
  get name() {
    return this.workspace.active.name;
  }

  /** The name under which the server keeps the workflow on screen, or null. */
  get savedAs() {
    return this.workspace.active.savedAs;
  }

  /** Keeps a draft of the workflow on screen soon. */
  keepDraft() {
    this.drafts.touch(this.workspace.active.id);
  }

  /** Opens a workflow that the server keeps, or shows the tab in which it is open. @param {string} name */
  async openSaved(name) {
    const open = this.workspace.tabs.find((tab) => tab.savedAs === name);
    if (open) return this.workspace.show(open);
    const [{ json, revision }, { openJson }] = await Promise.all([loadWorkflow(name), import("./model/io/open.js")]);
    const { document, doubts } = openJson(json, this.store.catalogue);
    this.open(document, name, { doubts, savedAs: name, revision });
  }

  /** Adds all nodes of a workflow that the server keeps to the one on screen. @param {string} name */
  async insertSaved(name) {
    const { json } = await loadWorkflow(name);
    pasteText(this, writeJson(json));
  }

  /** The workflow on screen as editor JSON. @returns {any} */
  workflow() {
    return writeWorkflow(this.store.document, this.store.catalogue);
  }

  /**
   * Opens a document in a tab of its own; only a tab in which nothing was ever done gives way to it.
   * @param {Document} document @param {string} name @param {Omit<About, "id" | "name">} about
   * @returns {Tab}
   */
  open(document, name, about = {}) {
    const tab = this.workspace.open({ document }, { ...about, name });
    this.drafts.touch(tab.id);
    return tab;
  }
}
