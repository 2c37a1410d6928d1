/** The canvas as packs know it: where the eye is, what is selected, how to redraw. What it paints with is the page's own. */

import { hooks } from "../js/canvas/hooks.js";
import { itemsFrom } from "./menu.js";
import { askText } from "../js/ui/dialogs.js";
import { attempt, invoke, page, recording } from "./page.js";
import { ComfyDialog } from "./ui.js";

/** Methods of the ecosystem's canvas that this page paints or handles in its own way; replacing one has no effect, and is told. */
const UNUSED = [
  "drawNode", "drawNodeShape", "drawNodeWidgets", "drawGroups", "drawConnections", "renderLink", "drawBackCanvas", "drawFrontCanvas", "draw", "renderInfo",
  "computeVisibleNodes", "createDefaultNodeForSlot", "showLinkMenu", "showConnectionMenu", "processMouseDown", "processMouseMove", "processMouseUp",
  "processMouseWheel", "processKey", "adjustMouseEvent", "_processMiddleButton", "processDrop", "drawLinkTooltip", "drawSlotGraphic",
];

/** An array of two numbers that live elsewhere. */
function pair(read, write) {
  const array = [0, 0];
  for (const index of [0, 1]) {
    Object.defineProperty(array, index, { enumerable: true, get: () => read()[index], set: (value) => write(index, value) });
  }
  return array;
}

/** One for the page. */
export function LGraphCanvas() {
  const { view } = page.app;
  const { camera } = view;
  this.ds = {
    get scale() {
      return camera.scale;
    },
    set scale(scale) {
      camera.scale = scale;
      view.redraw();
    },
    get state() {
      return this;
    },
    min_scale: 0.06, max_scale: 4, element: view.stage,
    reset() {
      this.scale = 1;
      Object.assign(camera, { x: 0, y: 0 });
    },
    changeScale(scale, center) {
      camera.zoom(scale / camera.scale, center ?? [view.width / 2, view.height / 2]);
      view.redraw();
    },
    convertOffsetToCanvas: ([x, y]) => camera.toScreen(x, y),
    convertCanvasToOffset: ([x, y]) => camera.toWorld(x, y),
    get visible_area() {
      return view.visible();
    },
    toCanvasContext: (context) => context,
  };
  const offset = pair(() => [-camera.x, -camera.y], (index, value) => {
    camera[index === 0 ? "x" : "y"] = -value;
    view.redraw();
  });
  Object.defineProperty(this.ds, "offset", { enumerable: true, get: () => offset, set: ([x, y]) => Object.assign(offset, [x, y]) });
  Object.assign(this, {
    canvas: view.stage.querySelector("canvas"), graph_mouse: [0, 0], mouse: [0, 0], last_mouse: [0, 0], canvas_mouse: [0, 0],
    node_over: null, connecting_links: null, current_node: null, selected_group: null, node_widget: null, dragging_canvas: false,
    pointer_is_down: false, isDragging: false, read_only: false, allow_interaction: true, allow_dragnodes: true, editor_alpha: 1,
    always_render_background: false,
    default_connection_color_byType: {}, default_connection_color_byTypeOff: {}, default_connection_color: {}, links_render_mode: 2,
    clear_background_color: view.theme.paper, render_shadows: true, render_connections_border: true, title_text_font: "600 13px sans-serif",
    inner_text_font: "12px sans-serif", low_quality_zoom_threshold: 0.3, align_to_grid: false, show_info: false, state: {}, pointer: {},
    linkConnector: { events: new EventTarget() },
    highlighted_links: {}, dirty_canvas: false, dirty_bgcanvas: false, background_image: null, zoom_modify_alpha: true,
  });
}

const methods = {
  get graph() {
    return page.host.graphOf(page.app.store.graphId);
  },
  get subgraph() {
    const { graph } = this;
    return graph.isRootGraph ? undefined : graph;
  },
  get ctx() {
    return this.canvas.getContext("2d");
  },
  get bgcanvas() {
    return this.canvas;
  },
  get selected_nodes() {
    return Object.fromEntries(this.selectedNodes().map((node) => [node.id, node]));
  },
  get selectedItems() {
    return new Set(this.selectedNodes());
  },
  get visible_nodes() {
    const { view } = page.app;
    return view.scene.nodesIn(view.visible()).map((record) => page.host.nodeOf(record.id)).filter(Boolean);
  },
  get visible_area() {
    return page.app.view.visible();
  },
  selectedNodes() {
    return [...page.app.view.selection].map((id) => page.host.nodeOf(id)).filter(Boolean);
  },
  getCurrentGraph() {
    return this.graph;
  },
  setDirty() {
    page.host.stir();
    page.app.view.redraw();
  },
  draw() {
    this.setDirty();
  },
  resize() {
    page.app.view.resize();
  },
  selectNode(node, add = false) {
    this.selectNodes(node ? [node] : [], add);
  },
  selectNodes(nodes, add = false) {
    page.app.view.select((nodes ?? this.graph._nodes).map((node) => node._id), add);
  },
  select(item) {
    if (item?._id) this.selectNodes([item], true);
  },
  processSelect(item) {
    if (item?._id) this.selectNodes([item]);
    else this.deselectAll();
  },
  createDialog(markup) {
    const dialog = new ComfyDialog();
    dialog.show(markup);
    return Object.assign(dialog.textElement, { close: () => dialog.close(), modified() {} });
  },
  deselect(item) {
    page.app.view.selection.delete(item?._id);
    page.app.view.redraw();
  },
  deselectNode(node) {
    this.deselect(node);
  },
  deselectAllNodes() {
    page.app.view.clearSelection();
  },
  deselectAll() {
    page.app.view.clearSelection();
  },
  selectItems(items, add = false) {
    this.selectNodes([...items], add);
  },
  deleteSelected() {
    page.app.commands.run("delete");
  },
  deleteSelectedNodes() {
    page.app.commands.run("delete");
  },
  centerOnNode(node) {
    page.app.view.fit([node._id], Math.max(1, page.app.view.camera.scale));
  },
  fitViewToSelectionAnimated() {
    page.app.view.fit(page.app.view.selection.size > 0 ? page.app.view.selection : null);
  },
  setZoom(scale, center) {
    this.ds.changeScale(scale, center);
  },
  openSubgraph(graph) {
    const instance = this.graph._nodes.find((node) => node.type === graph.id);
    const record = instance && page.host.recordOf(instance);
    if (record) page.app.actions.enter(record);
  },
  setGraph() {},
  convertEventToCanvasOffset(event) {
    const box = page.app.view.stage.getBoundingClientRect();
    return page.app.view.camera.toWorld(event.clientX - box.left, event.clientY - box.top);
  },
  convertCanvasToOffset([x, y]) {
    return page.app.view.camera.toWorld(x, y);
  },
  convertOffsetToCanvas([x, y]) {
    return page.app.view.camera.toScreen(x, y);
  },
  copyToClipboard() {
    document.execCommand("copy");
  },
  pasteFromClipboard() {
    page.app.commands.run("paste");
  },
  getWidgetAtCursor() {
    const { hover } = page.app.view;
    return hover.kind === "widget" ? page.host.widgetAt(page.host.nodeOf(hover.node.id), hover.place.slot.name) : null;
  },
  async prompt(title, value, callback) {
    const text = await askText(String(title ?? ""), String(value ?? ""), "OK");
    if (text !== null) attempt("prompt", () => callback?.(text));
  },
  showSearchBox(event) {
    const at = event ? this.convertEventToCanvasOffset(event) : page.app.view.camera.toWorld(page.app.view.width / 2, page.app.view.height / 2);
    page.app.actions.search({ at, screen: page.app.view.camera.toScreen(...at) });
  },
  getCanvasMenuOptions() {
    return [];
  },
  getNodeMenuOptions(node) {
    return nodeOptions(this, node);
  },
  getGroupMenuOptions() {
    return [];
  },
  emitBeforeChange() {
    page.host.beforeChange();
  },
  emitAfterChange() {
    page.host.afterChange();
  },
  isOverNodeBox: () => false,
  setCanvas() {},
  bindEvents() {},
  unbindEvents() {},
  startRendering() {},
  stopRendering() {},
};

const base = Object.defineProperties({}, Object.getOwnPropertyDescriptors(methods));
base.constructor = LGraphCanvas;
const originals = Object.fromEntries(UNUSED.filter((name) => !(name in base)).map((name) => [name, function unused() {}]));
Object.assign(base, originals);

LGraphCanvas.prototype = new Proxy(base, {
  set(target, name, value) {
    if (UNUSED.includes(/** @type {string} */ (name)) && name !== "draw") page.reports.lack(page.packNow(), `LGraphCanvas.prototype.${String(name)}`);
    return Reflect.set(target, name, value);
  },
});

/** Colours that packs look up by name. */
Object.assign(LGraphCanvas, {
  node_colors: {
    red: { color: "#a65e5e", bgcolor: "#553333", groupcolor: "#A88" }, brown: { color: "#8a6d56", bgcolor: "#593930", groupcolor: "#b06634" },
    green: { color: "#5e8a5e", bgcolor: "#335533", groupcolor: "#8A8" }, blue: { color: "#5e6ea6", bgcolor: "#333355", groupcolor: "#88A" },
    pale_blue: { color: "#4f7f94", bgcolor: "#3f5159", groupcolor: "#3f789e" }, cyan: { color: "#4d8f94", bgcolor: "#335555", groupcolor: "#8AA" },
    purple: { color: "#85599c", bgcolor: "#553355", groupcolor: "#a1309b" }, yellow: { color: "#9a8a4a", bgcolor: "#665533", groupcolor: "#b58b2a" },
    black: { color: "#444444", bgcolor: "#222222", groupcolor: "#444" },
  },
  link_type_colors: {}, gradients: {}, active_canvas: null, active_node: null, search_limit: -1, DEFAULT_BACKGROUND_IMAGE: "",
  onMenuAdd: () => page.canvas.showSearchBox(), onGroupAdd: () => page.app.commands.run("group"), onNodeAlign() {}, onGroupAlign() {}, alignNodes() {},
  onMenuNodeColors: () => page.app.commands.run("colour"), onMenuNodeMode() {}, onMenuNodeRemove: () => page.app.commands.run("delete"),
  onMenuNodeCollapse: () => page.app.commands.run("collapse"), onShowPropertyEditor() {}, onMenuNodeClone: () => page.app.commands.run("duplicate"),
});

/** What packs offer for a node. */
function nodeOptions(canvas, node) {
  /** @type {any[]} */
  const options = [];
  const offered = invoke(node, "getExtraMenuOptions", canvas, options);
  if (Array.isArray(offered)) options.push(...offered.filter((entry) => !options.includes(entry)));
  for (const more of page.comfy.hook("getNodeMenuItems", node)) if (Array.isArray(more)) options.push(...more);
  const own = typeof node.getMenuOptions === "function" ? invoke(node, "getMenuOptions", canvas) : null;
  return [...options, ...own ?? []];
}

/** Lets packs take part in painting, presses and menus. */
export function joinCanvas() {
  const { host } = page;
  const canvas = recording(new LGraphCanvas(), "app.canvas");
  page.canvas = canvas;
  LGraphCanvas.active_canvas = canvas;
  const event = () => ({ event: page.lastPointer });
  hooks.canvasMenu.add((at) => {
    canvas.graph_mouse = [...at];
    const offered = canvas.getCanvasMenuOptions() ?? [];
    const more = page.comfy.hook("getCanvasMenuItems", canvas).flatMap((entries) => (Array.isArray(entries) ? entries : []));
    const items = itemsFrom([...offered, ...more], { ...event(), extra: canvas }, canvas);
    return items.length > 0 ? [null, ...items] : [];
  });
  hooks.nodeMenu.add((record) => {
    const node = host.nodeOf(record.id);
    const options = node ? canvas.getNodeMenuOptions(node) ?? [] : [];
    const items = itemsFrom(options, { ...event(), extra: node }, canvas);
    return items.length > 0 ? [null, ...items] : [];
  });
  hooks.hover.add((pointer) => {
    canvas.graph_mouse = [...pointer.world];
    const node = "node" in pointer.hit ? host.nodeOf(pointer.hit.node.id) : null;
    if (node !== canvas.node_over) {
      if (canvas.node_over) invoke(canvas.node_over, "onMouseLeave", {});
      canvas.node_over = node ?? null;
      if (node) invoke(node, "onMouseEnter", {});
    }
    if (node?.onMouseMove) invoke(node, "onMouseMove", {}, [pointer.world[0] - node.pos[0], pointer.world[1] - node.pos[1]], canvas);
  });
  // What scripts changed without a word belongs to what was, not to what somebody is about to do.
  const begin = () => {
    host.flushAll();
    page.lastInput = performance.now();
  };
  addEventListener("pointerdown", (pressed) => {
    page.lastPointer = pressed;
    begin();
  }, true);
  addEventListener("keydown", begin, true);
  addEventListener("contextmenu", (pressed) => (page.lastPointer = pressed), true);
}
