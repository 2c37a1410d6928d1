/** Widgets that extensions bring for types of inputs: an element on the node, or painting and presses on the canvas. */

/** @import { Node } from "../model/types.js" */
/** @import { WidgetPlace } from "../canvas/shape.js" */
/** @import { Handle, Pack } from "./native.js" */

import { hooks } from "../canvas/hooks.js";
import { fetchCatalogue } from "../engine/api.js";
import { setValue } from "../model/commands.js";
import { readCatalogue } from "../model/definitions.js";
import { guestWidgets } from "../model/faces.js";
import { mountsOf } from "./mounts.js";

/** What a widget works on. @typedef {Readonly<{key: string, name: string, readonly value: any, set: (value: any) => void}>} Field */
/**
 * `mount` fills an element each time a node with this widget is first seen; `paint` draws in a box with its corner at 0, 0.
 * @typedef {{type: string, height?: number, fallback?: any,
 *   mount?: (element: HTMLElement, field: Field) => ({update?: (value: any) => void, dispose?: () => void} | void),
 *   paint?: (context: CanvasRenderingContext2D, field: Field, box: {width: number, height: number}) => void,
 *   press?: (field: Field, at: {x: number, y: number}, box: {width: number, height: number}) => void}} WidgetKind
 */

const HEIGHT = 24;

/**
 * Makes inputs of a type have a widget.
 * @param {Pack} pack @param {WidgetKind} kind
 * @returns {Handle}
 */
export function registerWidget(pack, kind) {
  const { app, own, guard } = pack;
  const { type, height = HEIGHT, fallback = null, paint, press } = kind;
  if (typeof type !== "string" || (!kind.mount && !paint)) throw new Error("a widget needs a type, and mount or paint");
  if (guestWidgets.has(type) || ["INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COLOR"].includes(type)) throw new Error(`there is a widget for ${type} already`);
  const shown = new Elements(pack, kind);
  guestWidgets.set(type, Object.freeze({ fallback, height }));
  hooks.widgets.set(type, {
    paint: (context, _view, node, place) => {
      shown.see(node, place);
      if (!paint) return;
      context.save();
      context.translate(place.bounds[0], place.bounds[1]);
      guard(`widget ${type}`, paint)(context, fieldOf(pack, node.id, place.slot.name), boxOf(place));
      context.restore();
    },
    ...(press ? {
      press: (pointer, node, place) => ({
        up: () => void guard(`widget ${type}`, press)(fieldOf(pack, node.id, place.slot.name),
          { x: pointer.world[0] - place.bounds[0], y: pointer.world[1] - place.bounds[1] }, boxOf(place)),
      }),
    } : {}),
  });
  readAgain(app);
  return own(() => {
    guestWidgets.delete(type);
    hooks.widgets.delete(type);
    shown.dispose();
    readAgain(app);
  });
}

/** Reads the catalogue again, once for all widgets that come in one turn. @type {Promise<void> | null} */
let reading = null;

/** @param {import("../app.js").App} app */
function readAgain(app) {
  reading ??= fetchCatalogue().then((catalogue) => {
    reading = null;
    app.store.define(readCatalogue(catalogue));
  }, () => void (reading = null));
}

/** @param {WidgetPlace} place */
function boxOf({ bounds }) {
  return { width: bounds[2], height: bounds[3] };
}

/** @param {Pack} pack @param {string} id of the node @param {string} name @returns {Field} */
function fieldOf({ app }, id, name) {
  const node = () => app.store.graph.nodes.get(id);
  return Object.freeze({
    key: node()?.key ?? "", name,
    get value() {
      return node()?.values[name];
    },
    set: (/** @type {any} */ value) => app.store.run(`Set ${name}`, (change) => setValue(change, id, name, value), `widget:${id}:${name}`),
  });
}

/** The elements of one kind of widget, by node and input. */
class Elements {
  /** @param {Pack} pack @param {WidgetKind} kind */
  constructor(pack, kind) {
    this.pack = pack;
    this.kind = kind;
    /** @type {Map<string, {id: string, name: string, value: any, update: ((value: any) => void) | undefined, dispose: () => void}>} */
    this.shown = new Map();
    const { store } = pack.app;
    this.stop = store.listen(() => this.follow());
  }

  /** A node with this widget is painted. @param {Node} node @param {WidgetPlace} place */
  see(node, { slot: { name } }) {
    const { pack, kind } = this;
    const place = `${node.id} ${name}`;
    if (!kind.mount || this.shown.has(place)) return;
    const element = document.createElement("div");
    const mounted = pack.guard(`widget ${kind.type}`, kind.mount)(element, fieldOf(pack, node.id, name));
    const { view } = pack.app;
    const handle = mountsOf(view).add(element, () => view.dom.widgetBounds(node, name));
    this.shown.set(place, {
      id: node.id, name, value: node.values[name],
      update: mounted?.update && pack.guard(`widget ${kind.type}`, mounted.update),
      dispose: () => {
        handle.dispose();
        if (mounted?.dispose) pack.guard(`widget ${kind.type}`, mounted.dispose)();
      },
    });
  }

  /** Tells elements of new values, and takes those away whose node is gone. */
  follow() {
    const { graph } = this.pack.app.store;
    for (const [place, entry] of this.shown) {
      const node = graph.nodes.get(entry.id);
      if (!node) {
        entry.dispose();
        this.shown.delete(place);
      } else if (node.values[entry.name] !== entry.value) {
        entry.value = node.values[entry.name];
        entry.update?.(entry.value);
      }
    }
  }

  /** Takes all away. */
  dispose() {
    this.stop();
    for (const { dispose } of this.shown.values()) dispose();
    this.shown.clear();
  }
}
