/** The extension API of this page, version 1: what a script gets that exports `api = 1` and a default function. See docs/extensions.md. */

/** @import { App } from "../app.js" */
/** @import { Reports } from "./reports.js" */

import { hooks } from "../canvas/hooks.js";
import { hearers } from "../engine/socket.js";
import { askChoice, askText, openDialog } from "../ui/dialogs.js";
import { dismiss, toast } from "../ui/toasts.js";
import { t } from "../words.js";
import { Editor, copyOf } from "./document.js";
import { registerWidget } from "./widgets.js";

export const API = 1;

/** @typedef {{dispose: () => void}} Handle */
/** @typedef {Set<Handle>} Handles */
/**
 * One pack and the page: every call into the pack goes through `guard`, every registration through `own`.
 * @typedef {{app: App, name: string, own: (dispose: () => void) => Handle,
 *   guard: <A extends any[], T>(what: string, run: (...values: A) => T) => (...values: A) => T | undefined}} Pack
 */

/**
 * The object that a pack is handed.
 * @param {App} app @param {Reports} reports @param {string} name of the pack @param {Handles} handles
 */
export function nativeApi(app, reports, name, handles) {
  /** @type {Pack} */
  const pack = {
    app, name,
    own: (dispose) => {
      const handle = {
        dispose: () => {
          if (handles.delete(handle)) dispose();
        },
      };
      handles.add(handle);
      return handle;
    },
    guard: (what, run) => (...values) => reports.guard(name, what, () => run(...values)),
  };
  return Object.freeze({
    api: API, pack: name, t,
    commands: commandsOf(pack), menus: menusOf(pack), sidebar: panelsOf(pack, app.sidebar), bottom: panelsOf(pack, app.bottom),
    settings: settingsOf(pack), widgets: { add: (/** @type {any} */ widget) => registerWidget(pack, widget) }, nodes: nodesOf(pack),
    runs: runsOf(pack), messages: { listen: listenerOf(pack) }, document: documentOf(pack), dialogs: dialogsOf(),
    toast: (/** @type {string} */ text, /** @type {import("../ui/toasts.js").ToastOptions} */ options = {}) => {
      const slip = `${name}.${options.name ?? ""}`;
      toast(text, { ...options, name: slip });
      return pack.own(() => dismiss(slip));
    },
    fetch: (/** @type {string} */ path, /** @type {RequestInit} */ options = {}) => fetch(`api/${path.replace(/^\//, "")}`, options),
  });
}

/** @param {Pack} pack */
function commandsOf({ app, name, own, guard }) {
  return {
    /** @param {import("../commands/registry.js").Command} command */
    add(command) {
      const { id, label, keys = [], run } = command;
      if (typeof id !== "string" || typeof label !== "string" || typeof run !== "function") throw new Error("a command needs id, label and run");
      if (app.commands.all.has(id)) throw new Error(`there is a command ${id} already`);
      const free = keys.filter((combination) => !app.commands.byKeys.has(combination));
      const isEnabled = command.isEnabled && guard(`command ${id}`, command.isEnabled);
      app.commands.add([{ ...command, label, keys: free, run: guard(`command ${id}`, run), ...(isEnabled ? { isEnabled: () => isEnabled() ?? false } : {}) }]);
      if (free.length < keys.length) toast(t("{keys} belong to another command; {name} does not get them.", { keys: keys.join(", "), name }));
      return own(() => app.commands.remove(id));
    },
    run: (/** @type {string} */ id) => app.commands.run(id),
  };
}

/**
 * Puts something into one of the page's sets.
 * @template T
 * @param {Pack} pack @param {Set<T>} set @param {T} entry
 * @returns {Handle}
 */
function entered({ app, own }, set, entry) {
  set.add(entry);
  app.view.redraw();
  return own(() => {
    set.delete(entry);
    app.view.redraw();
  });
}

/** @param {Pack} pack */
function menusOf(pack) {
  const { app, guard } = pack;
  /** Items with guarded actions, below a line. @param {readonly any[] | undefined} items */
  const guarded = (items) => (items && items.length > 0
    ? [null, ...items.map((item) => item && { ...item, run: guard(`menu item ${item.label}`, item.run) })] : []);
  const place = (/** @type {import("../model/types.js").Link} */ { from, slot, to, input, type }) => Object.freeze({
    from: app.store.graph.nodes.get(from)?.key, output: slot, to: app.store.graph.nodes.get(to)?.key, input, type,
  });
  return {
    /** @param {(at: readonly [number, number]) => any[]} offer */
    canvas: (offer) => entered(pack, hooks.canvasMenu, (at) => guarded(guard("canvas menu", offer)(at))),
    /** @param {(node: import("./document.js").NodeCopy) => any[]} offer */
    node: (offer) => entered(pack, hooks.nodeMenu, (node) => guarded(guard("node menu", offer)(copyOf(app, node)))),
    /** @param {(link: any) => any[]} offer */
    link: (offer) => entered(pack, hooks.linkMenu, (link) => guarded(guard("link menu", offer)(place(link)))),
  };
}

/** @param {Pack} pack @param {import("../ui/dock.js").Dock} dock */
function panelsOf({ own, guard }, dock) {
  return {
    /** @param {import("../ui/dock.js").Panel} panel */
    add(panel) {
      const render = guard(`panel ${panel.id}`, panel.render);
      dock.add({
        ...panel, render: (element) => {
          const dispose = render(element);
          return typeof dispose === "function" ? guard(`panel ${panel.id}`, dispose) : undefined;
        },
      });
      return own(() => dock.remove(panel.id));
    },
    open: (/** @type {string} */ id) => dock.open(id),
    setBadge: (/** @type {string} */ id, /** @type {string} */ text) => dock.setBadge(id, text),
  };
}

/** @param {Pack} pack */
function settingsOf({ app, name, own, guard }) {
  const { settings } = app;
  return {
    /** @param {import("../engine/settings.js").Definition} definition */
    define(definition) {
      const handle = settings.define({ category: name, owner: name, ...definition });
      return own(() => handle.dispose());
    },
    get: (/** @type {string} */ id) => settings.get(id),
    set: (/** @type {string} */ id, /** @type {any} */ value) => settings.set(id, value),
    listen: (/** @type {string} */ id, /** @type {(value: any) => void} */ listener) => own(settings.listen(id, guard(`setting ${id}`, listener))),
  };
}

/** @param {Pack} pack */
function nodesOf(pack) {
  const { app, guard } = pack;
  /** @param {(context: CanvasRenderingContext2D, node: any, box: any) => void} draw @param {string} what */
  const painter = (draw, what) => {
    const paint = guard(what, draw);
    /** @type {import("../canvas/hooks.js").Painter} */
    const painted = (context, node, shape) => {
      const [x, y, width, height] = shape.bounds;
      context.translate(x, y);
      paint(context, copyOf(app, node), { width, height, title: shape.title[3], scale: app.view.camera.scale });
    };
    return painted;
  };
  return {
    /** @param {(node: import("./document.js").NodeCopy) => {text: string, colour?: string} | null} badge */
    badge: (badge) => entered(pack, hooks.badges, (node) => guard("badge", badge)(copyOf(app, node)) ?? null),
    /** @param {(context: CanvasRenderingContext2D, node: any, box: any) => void} draw */
    draw: (draw) => entered(pack, hooks.over, painter(draw, "draw")),
    /** @param {(context: CanvasRenderingContext2D, node: any, box: any) => void} draw */
    drawBehind: (draw) => entered(pack, hooks.behind, painter(draw, "drawBehind")),
    redraw: () => app.view.redraw(),
  };
}

/** @param {Pack} pack */
function runsOf(pack) {
  const { app, guard } = pack;
  return {
    /** @param {(event: {type: string, id: string | null, text: string}) => void} listener */
    listen: (listener) => {
      const hear = guard("run listener", listener);
      return entered(pack, app.runner.listeners, ({ type, job, text }) => void hear(Object.freeze({ type, id: job?.id ?? null, text })));
    },
    start: () => app.commands.run("run"),
    cancel: () => app.commands.run("cancel"),
    /** What a node showed last. @param {string} key */
    output: (key) => app.board.outputOf(app.store.prefix + key),
  };
}

/** @param {Pack} pack @returns {(type: string, listener: (data: any) => void) => Handle} */
function listenerOf(pack) {
  return (type, listener) => {
    const hear = pack.guard(`message ${type}`, listener);
    return entered(pack, hearers, (came, data) => void (came === type && hear(data)));
  };
}

/** @param {Pack} pack */
function documentOf(pack) {
  const { app, guard } = pack;
  const { store } = app;
  return {
    get name() {
      return app.name;
    },
    get nodes() {
      return [...store.graph.nodes.values()].map((node) => copyOf(app, node));
    },
    /** @returns {import("./document.js").LinkCopy[]} */
    get links() {
      const key = (/** @type {string} */ id) => store.graph.nodes.get(id)?.key ?? "";
      return [...store.graph.links.values()].map(({ from, slot, to, input, type }) =>
        Object.freeze({ from: key(from), output: slot, to: key(to), input, type }));
    },
    get selection() {
      return [...app.view.selection].map((id) => store.graph.nodes.get(id)?.key ?? "");
    },
    node: (/** @type {string} */ key) => {
      const node = store.graph.nodeByKey(String(key));
      return node ? copyOf(app, node) : null;
    },
    select: (/** @type {readonly string[]} */ keys) => app.view.select(keys.flatMap((key) => store.graph.nodeByKey(String(key))?.id ?? [])),
    show: (/** @type {string} */ key) => app.actions.showNode(store.prefix + key),
    /** The workflow as the ecosystem's editor JSON. */
    json: () => app.workflow(),
    /** @param {(change: {reason: string, label: string}) => void} listener */
    listen: (listener) => entered(pack, store.listeners, ({ reason, label }) => void guard("document listener", listener)({ reason, label })),
    /**
     * Changes the graph on screen whole or not at all; one entry of the history.
     * @template T
     * @param {string} label what the history calls it @param {(editor: Editor) => T} change
     * @returns {T}
     */
    edit: (label, change) => store.run(label, (transaction) => change(new Editor(app, transaction))),
  };
}

function dialogsOf() {
  return {
    ask: (/** @type {string} */ title, value = "", action = t("OK")) => askText(title, value, action),
    choose: (/** @type {string} */ title, /** @type {string} */ text, /** @type {readonly string[]} */ answers) => askChoice(title, text, answers),
    /** @param {string} title @param {HTMLElement} content @returns {Handle} */
    open: (title, content) => {
      const dialog = openDialog(title, content);
      return { dispose: () => dialog.close() };
    },
  };
}
