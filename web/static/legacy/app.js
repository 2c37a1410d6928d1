/** The `app` of the ecosystem: extensions and their hooks in their order, the graph, prompts and runs. */

import { guestWidgets } from "../js/model/faces.js";
import { fetchCatalogue } from "../js/engine/api.js";
import { packOf } from "../js/extensions/reports.js";
import { readCatalogue } from "../js/model/definitions.js";
import { openFile } from "../js/commands/media.js";
import { openJson } from "../js/model/io/open.js";
import { classOf } from "./classes.js";
import { declareExtension } from "./declared.js";
import { LiteGraph } from "./litegraph.js";
import { fail, page } from "./page.js";
import { promptOf } from "./prompt.js";
import { ComfyWidgets, OWN_WIDGETS } from "./widgets.js";

const GUEST_HEIGHT = 24;

/** One for the page, made when the first script asks for it. */
export class ComfyApp {
  static clipspace = null;
  static clipspace_invalidate_handler = null;
  static open_maskeditor = null;
  static clipspace_return_node = null;

  constructor() {
    /** @type {any[]} */ this.extensions = [];
    /** @type {Map<any, string>} the pack of each extension */ this.owners = new Map();
    this.vueAppReady = true;
    this.isBegun = false;
    this.configuringGraph = false;
    /** @type {Record<string, any>} */ this.customWidgets = {};
    /** @type {Record<string, any>} */ this.defs = {};
    /** @type {Record<string, any>} what nodes showed, by id */ this.nodeOutputs = {};
    this.nodePreviewImages = {};
    this.lastNodeErrors = null;
    this.lastExecutionError = null;
    this.runningNodeId = null;
    this.shiftDown = false;
    this.dragOverNode = null;
    this.storageLocation = "server";
    this.isImageNode = (node) => Boolean(node.imgs || node.widgets?.some((widget) => widget.name === "image"));
    addEventListener("keydown", (event) => (this.shiftDown = event.shiftKey));
    addEventListener("keyup", (event) => (this.shiftDown = event.shiftKey));
  }

  get graph() {
    return page.host?.rootGraph;
  }

  get rootGraph() {
    return page.host?.rootGraph;
  }

  get canvas() {
    return page.canvas;
  }

  get canvasEl() {
    return page.canvas.canvas;
  }

  get ctx() {
    return page.canvas.ctx;
  }

  get api() {
    return page.api;
  }

  get widgets() {
    return { ...Object.fromEntries([...OWN_WIDGETS].map((name) => [name, ComfyWidgets[name]])), ...this.customWidgets };
  }

  // --- extensions

  registerExtension(extension) {
    if (!extension?.name) throw new Error("an extension needs a name");
    if (this.extensions.some((one) => one.name === extension.name)) throw new Error(`there is an extension ${extension.name} already`);
    this.extensions.push(extension);
    const pack = packOf() ?? extension.name;
    this.owners.set(extension, pack);
    page.reports.of(pack).kind = "ecosystem";
    if (this.isBegun) void this.beginLate(extension);
  }

  /** Calls a hook of every extension, in the order in which they were registered. */
  hook(name, ...values) {
    return this.extensions.map((extension) => this.callHook(extension, name, values));
  }

  /** @private */
  callHook(extension, name, values) {
    if (typeof extension[name] !== "function") return undefined;
    const pack = this.owners.get(extension);
    const what = `${extension.name}: ${name}`;
    try {
      const answer = extension[name](...values, this);
      return answer instanceof Promise ? answer.catch((error) => fail(what, error, pack)) : answer;
    } catch (error) {
      fail(what, error, pack);
      return undefined;
    }
  }

  /** As `hook`, and waits for all. */
  async hookAll(name, ...values) {
    return Promise.all(this.hook(name, ...values));
  }

  /** Runs the hooks of the start: the page and its graph are there already, so the graph is loaded once more. */
  async begin() {
    if (this.isBegun) return;
    this.isBegun = true;
    this.defs = await fetchCatalogue();
    for (const extension of this.extensions) declareExtension(extension, this.owners.get(extension));
    await this.hookAll("init");
    await this.registerNodes();
    page.host.start();
    await this.hookAll("setup");
  }

  /** @private */
  async beginLate(extension) {
    declareExtension(extension, this.owners.get(extension));
    await this.callHook(extension, "init", []);
    this.takeWidgets(extension, await this.callHook(extension, "getCustomWidgets", []));
    for (const [type, data] of Object.entries(this.defs)) {
      await this.callHook(extension, "beforeRegisterNodeDef", [LiteGraph.registered_node_types[type], data]);
    }
    await this.callHook(extension, "registerCustomNodes", []);
    await this.callHook(extension, "setup", []);
    page.host.load();
  }

  /** @private */
  async registerNodes() {
    await this.hookAll("addCustomNodeDefs", this.defs);
    const widgets = await this.hookAll("getCustomWidgets");
    this.extensions.forEach((extension, index) => this.takeWidgets(extension, widgets[index]));
    this.hook("beforeRegisterVueAppNodeDefs", Object.values(this.defs));
    page.app.store.define(readCatalogue(this.defs));
    for (const [type, data] of Object.entries(this.defs)) await this.registerNodeDef(type, data);
    await this.hookAll("registerCustomNodes");
  }

  /** @private */
  takeWidgets(extension, widgets) {
    for (const [type, maker] of Object.entries(widgets ?? {})) {
      if (OWN_WIDGETS.has(type)) page.reports.lack(this.owners.get(extension), `another widget for ${type}`);
      else {
        this.customWidgets[type] = maker;
        if (!guestWidgets.has(type)) guestWidgets.set(type, Object.freeze({ fallback: undefined, height: GUEST_HEIGHT }));
      }
    }
  }

  async registerNodeDef(type, data) {
    data.name ??= type;
    const base = classOf(type, data);
    const waiting = this.hook("beforeRegisterNodeDef", base, data).filter((answer) => answer instanceof Promise);
    if (waiting.length > 0) await Promise.all(waiting);
    LiteGraph.registered_node_types[type] = base;
    base.type = type;
  }

  async registerNodesFromDefs(defs) {
    for (const [type, data] of Object.entries(defs)) await this.registerNodeDef(type, data);
  }

  async refreshComboInNodes() {
    page.app.commands.run("refresh");
  }

  // --- prompts and runs

  /** The prompt and the workflow as they are sent. Packs may put another function in its place. */
  async graphToPrompt() {
    return promptOf();
  }

  async queuePrompt(number = 0, count = 1) {
    for (let index = 0; index < count; index += 1) await page.startRun({ front: number === -1 });
    return true;
  }

  // --- files

  async loadGraphData(json, _clean, _restoreView, workflow) {
    const source = json ?? { nodes: [], links: [] };
    this.hook("beforeLoadGraph", source);
    const { document, doubts } = openJson(structuredClone(source), page.app.store.definitions);
    const name = typeof workflow === "string" ? workflow : workflow?.filename ?? "Untitled";
    page.app.open(document, name, { doubts });
    this.hook("afterLoadGraph");
  }

  async loadApiJson(json, name = "Untitled") {
    const { document, doubts } = openJson(structuredClone(json), page.app.store.definitions);
    page.app.open(document, String(name).replace(/\.json$/, ""), { doubts });
  }

  async handleFile(file) {
    await openFile(page.app, file, null);
  }

  clean() {
    this.nodeOutputs = {};
    this.lastNodeErrors = null;
    this.lastExecutionError = null;
  }

  // --- what else packs ask for

  getPreviewFormatParam() {
    return "";
  }

  getRandParam() {
    return `&rand=${Math.random()}`;
  }

  getNodeDefs() {
    return fetchCatalogue();
  }

  clientPosToCanvasPos(position) {
    return page.canvas.convertEventToCanvasOffset({ clientX: position[0], clientY: position[1] });
  }

  canvasPosToClientPos(position) {
    const box = page.app.view.stage.getBoundingClientRect();
    const [x, y] = page.app.view.camera.toScreen(position[0], position[1]);
    return [x + box.left, y + box.top];
  }

  static copyToClipspace(node) {
    const widgets = (node.widgets ?? []).map(({ type, name, value }) => ({ type, name, value }));
    ComfyApp.clipspace = { widgets, imgs: node.imgs ?? null, selectedIndex: 0 };
  }

  static pasteFromClipspace(node) {
    for (const { name, value } of ComfyApp.clipspace?.widgets ?? []) {
      const widget = node.widgets?.find((one) => one.name === name);
      if (widget) widget.value = value;
    }
    page.host.stir(node);
  }

  static onClipspaceEditorSave() {
    if (ComfyApp.clipspace_return_node) ComfyApp.pasteFromClipspace(ComfyApp.clipspace_return_node);
  }

  static onClipspaceEditorClosed() {
    ComfyApp.clipspace_return_node = null;
  }
}
