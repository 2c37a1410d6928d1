/** Painting and presses of packs: their nodes and widgets draw with the context of the page's canvas, at its scale. */

import { hooks } from "../js/canvas/hooks.js";
import { mountsOf } from "../js/extensions/mounts.js";
import { invoke, page, quietly } from "./page.js";
import { PICTURES, nameOf } from "./sync.js";
import { GUEST, elementOf, isHidden, mouseEvent, paintGuest, pressButton, pressGuest } from "./widgets.js";

const SIGHT_MILLISECONDS = 100;
let lastSight = 0;
/** @type {Set<string>} */
let selected = new Set();

/** Joins the page's canvas. */
export function joinPainting() {
  const { app, host } = page;
  hooks.widgets.set(GUEST, {
    paint: (context, view, node, place) => quietly(() => {
      elements.see(node, place);
      paintGuest(context, view, node, place);
    }),
    press: pressGuest,
  });
  const painter = (name) => (context, record) => {
    const node = host.nodeOf(record.id);
    if (!node || typeof node[name] !== "function" || node.flags?.collapsed) return;
    context.translate(node.pos[0], node.pos[1]);
    quietly(() => invoke(node, name, context, page.canvas, page.canvas.canvas, page.canvas.graph_mouse));
  };
  hooks.behind.add(painter("onDrawBackground"));
  hooks.over.add(painter("onDrawForeground"));
  hooks.over.add((context, record) => paintBadges(context, host.nodeOf(record.id)));
  hooks.ground.add((context) => quietly(() => invoke(page.canvas, "onDrawBackground", context, app.view.visible())));
  hooks.top.add((context) => quietly(() => invoke(page.canvas, "onDrawForeground", context, app.view.visible())));
  hooks.before.add(() => takeSight(app.view, host));
  hooks.press.add(press);
  hooks.widgets.set(PICTURES, { paint: (context, _view, node, place) => paintPictures(context, host.nodeOf(node.id), place.bounds) });
  app.view.stage.addEventListener("keydown", (event) => {
    for (const node of page.canvas.selectedNodes()) if (node.onKeyDown) invoke(node, "onKeyDown", event);
  });
  joinDrops();
  hooks.double.add((pointer) => {
    const node = "node" in pointer.hit ? host.nodeOf(pointer.hit.node.id) : null;
    return node?.onDblClick ? Boolean(invoke(node, "onDblClick", mouseEvent("pointerdown", pointer), within(node, pointer), page.canvas)) : false;
  });
}

/** What packs changed without a word shows at the next frame, as in the ecosystem. @param {any} view @param {any} host */
function takeSight(view, host) {
  tellSelection(view, host);
  const now = performance.now();
  if (now - lastSight < SIGHT_MILLISECONDS) return host.flush();
  lastSight = now;
  for (const record of view.scene.nodesIn(view.visible())) {
    const node = host.nodeOf(record.id);
    if (node) host.dirty.add(node);
  }
  return host.flush();
}

/** @param {any} view @param {any} host tells nodes that they were selected or let go */
function tellSelection(view, host) {
  const before = selected;
  if (before.size === view.selection.size && [...before].every((id) => view.selection.has(id))) return;
  selected = new Set(view.selection);
  for (const id of before) if (!selected.has(id)) invoke(host.nodeOf(id), "onDeselected");
  for (const id of selected) if (!before.has(id)) invoke(host.nodeOf(id), "onSelected");
  invoke(page.canvas, "onSelectionChange", page.canvas.selected_nodes);
}

/** @param {any} node @param {any} pointer @returns {[number, number]} */
function within(node, pointer) {
  return [pointer.world[0] - node.pos[0], pointer.world[1] - node.pos[1]];
}

/** Pictures that a pack gave a node to show, side by side. @param {CanvasRenderingContext2D} context @param {any} node @param {any} bounds */
function paintPictures(context, node, [x, y, width, height]) {
  const pictures = (node?.imgs ?? []).filter((picture) => (picture.naturalWidth ?? picture.width) > 0);
  const columns = Math.ceil(Math.sqrt(pictures.length));
  const rows = Math.ceil(pictures.length / columns);
  for (const [index, picture] of pictures.entries()) {
    const [across, down] = [width / columns, height / rows];
    const [wide, high] = [picture.naturalWidth ?? picture.width, picture.naturalHeight ?? picture.height];
    const scale = Math.min(across / wide, down / high);
    const left = x + (index % columns) * across + (across - wide * scale) / 2;
    const top = y + Math.floor(index / columns) * down + (down - high * scale) / 2;
    context.drawImage(picture, left, top, wide * scale, high * scale);
  }
}

/** Files that are dropped: the node below may want them, and packs may have put a function of their own in the place of the page's. */
function joinDrops() {
  const nodeBelow = (event) => page.comfy.graph.getNodeOnPos(...page.canvas.convertEventToCanvasOffset(event), page.canvas.graph._nodes);
  const { stage } = page.app.view;
  stage.addEventListener("dragover", (event) => {
    const node = nodeBelow(event);
    if (node?.onDragOver && invoke(node, "onDragOver", event)) event.preventDefault();
  });
  stage.addEventListener("drop", (event) => {
    const node = nodeBelow(event);
    const file = event.dataTransfer?.files[0];
    const isTaken = node?.onDragDrop ? Boolean(invoke(node, "onDragDrop", event)) : false;
    const isPatched = Object.hasOwn(page.comfy, "handleFile") && file;
    if (!isTaken && !isPatched) return;
    event.preventDefault();
    event.stopPropagation();
    document.body.classList.remove("is-dropping");
    if (!isTaken) invoke(page.comfy, "handleFile", file);
  });
}

/** A press on a button of a pack, or on a node that wants presses. @param {any} pointer */
function press(pointer) {
  const { hit } = pointer;
  const node = "node" in hit ? page.host.nodeOf(hit.node.id) : null;
  if (!node) return null;
  if (hit.kind === "widget" && hit.place.slot.widget?.kind === "button") {
    const widget = page.host.widgetAt(node, hit.place.slot.name);
    return widget ? { up: (at) => pressButton(widget, node, at) } : null;
  }
  if (!["body", "title", "media"].includes(hit.kind) || typeof node.onMouseDown !== "function") return null;
  if (!invoke(node, "onMouseDown", mouseEvent("pointerdown", pointer), within(node, pointer), page.canvas)) return null;
  return {
    move: (at) => void invoke(node, "onMouseMove", mouseEvent("pointermove", at), within(node, at), page.canvas),
    up: (at) => void invoke(node, "onMouseUp", mouseEvent("pointerup", at), within(node, at), page.canvas),
  };
}

/** @param {CanvasRenderingContext2D} context @param {any} node */
function paintBadges(context, node) {
  let right = node ? node.pos[0] + node.size[0] : 0;
  for (const entry of node?.badges ?? []) {
    const badge = typeof entry === "function" ? entry() : entry;
    if (!badge?.text) continue;
    context.font = "11px sans-serif";
    const width = context.measureText(badge.text).width + 12;
    context.fillStyle = badge.bgColor ?? page.app.view.theme.line;
    context.beginPath();
    context.roundRect(right - width, node.pos[1] - 50, width, 16, 8);
    context.fill();
    context.fillStyle = badge.fgColor ?? page.app.view.theme.ink;
    context.textBaseline = "middle";
    context.fillText(badge.text, right - width + 6, node.pos[1] - 42);
    right -= width + 4;
  }
}

/** Elements of widgets that stand on nodes. */
const elements = {
  /** @type {Map<any, {dispose: () => void}>} by widget */ shown: new Map(),

  /** A widget with an element is painted: from now on its element follows it. @param {any} record @param {any} place */
  see(record, place) {
    const node = page.host.nodeOf(record.id);
    const widget = node && page.host.widgetAt(node, place.slot.name);
    const element = widget && elementOf(widget);
    if (!element || this.shown.has(widget)) return;
    element.style.width ||= "100%";
    const handle = mountsOf(page.app.view).add(element, () => this.bounds(node, widget), {
      onSight: (isShown) => {
        if (isShown) invoke(widget.options, "afterResize", node);
      },
    });
    this.shown.set(widget, handle);
  },

  /** @param {any} node @param {any} widget */
  bounds(node, widget) {
    const record = page.host.recordOf(node);
    if (!record || node.graph !== page.canvas.graph || !node.widgets?.includes(widget) || isHidden(widget)) {
      if (!record) this.forgetWidget(widget);
      return null;
    }
    const name = nameOf(node, widget);
    return page.app.view.scene.shape(record).widgets.find(({ slot }) => slot.name === name)?.bounds ?? null;
  },

  /** @param {any} widget */
  forgetWidget(widget) {
    this.shown.get(widget)?.dispose();
    this.shown.delete(widget);
  },

  /** @param {any} node that was removed */
  forget(node) {
    for (const widget of node.widgets ?? []) this.forgetWidget(widget);
  },
};

export { elements };
