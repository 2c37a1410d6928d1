/** The open document as an extension sees it: plain copies to read, and commands to change it. Nodes are known by their keys. */

/** @import { App } from "../app.js" */
/** @import { Transaction } from "../model/document.js" */
/** @import { Node, NodeMode, Point } from "../model/types.js" */

import { addNode, chooseWord, connect, moveNodes, removeLinks, removeNodes, resizeNode, setColor, setMode, setTitle } from "../model/commands.js";
import { inputSlot, slotsOf, titleOf } from "../model/slots.js";

/**
 * A node as it stood when it was asked for.
 * @typedef {Readonly<{key: string, type: string, title: string, position: Point, size: Point, mode: NodeMode, collapsed: boolean,
 *   color: string | null, values: Readonly<Record<string, any>>, properties: Readonly<Record<string, any>>,
 *   inputs: readonly {name: string, type: string}[], outputs: readonly {name: string, type: string}[]}>} NodeCopy
 */
/** @typedef {Readonly<{from: string, output: number, to: string, input: string, type: string}>} LinkCopy */

/** @param {App} app @param {Node} node @returns {NodeCopy} */
export function copyOf(app, node) {
  const { key, type, position, size, mode, collapsed, color, values, kept } = node;
  const slots = slotsOf(app.store.definitions, node);
  return Object.freeze({
    key, type, title: titleOf(app.store.definitions, node), position, size, mode, collapsed, color, values,
    properties: Object.freeze({ ...kept.properties }),
    inputs: slots.inputs.map((slot) => ({ name: slot.name, type: slot.type })),
    outputs: slots.outputs.map((slot) => ({ name: slot.name, type: slot.type })),
  });
}

/** Changes the graph on screen within one command. */
export class Editor {
  /** @param {App} app @param {Transaction} change */
  constructor(app, change) {
    this.app = app;
    this.change = change;
  }

  /** @private @param {string} key @returns {Node} */
  node(key) {
    const node = this.change.graph.nodeByKey(String(key));
    if (!node) throw new Error(`there is no node ${key} in this graph`);
    return node;
  }

  /**
   * Adds a node.
   * @param {string} type @param {{position?: Point, title?: string, values?: Record<string, any>}} [about]
   * @returns {string} its key
   */
  add(type, { position = [0, 0], title, values = {} } = {}) {
    const definition = this.app.store.definitions.get(type);
    if (!definition) throw new Error(`there is no node type ${type}`);
    const node = addNode(this.change, definition, position);
    if (title !== undefined) setTitle(this.change, node.id, title);
    for (const [name, value] of Object.entries(values)) this.set(node.key, name, value);
    return node.key;
  }

  /** @param {...string} keys */
  remove(...keys) {
    removeNodes(this.change, keys.map((key) => this.node(key).id));
  }

  /** Sets the value of an input. @param {string} key @param {string} name @param {any} value */
  set(key, name, value) {
    const node = this.node(key);
    const { definitions } = this.app.store;
    if (!inputSlot(definitions, node, name)?.widget) throw new Error(`node ${key} (${node.type}) has no value ${name}`);
    chooseWord(this.change, definitions, node.id, name, value);
  }

  /**
   * Keeps something of the extension's own with a node, in its file too.
   * @param {string} key @param {string} name @param {any} value any JSON value; undefined removes it
   */
  setProperty(key, name, value) {
    const node = this.node(key);
    const { [name]: _before, ...properties } = { "Node name for S&R": node.type, ...node.kept.properties };
    if (value !== undefined) properties[name] = value;
    this.change.put("node", { ...node, kept: Object.freeze({ ...node.kept, properties }) });
  }

  /** @param {string} key @param {Point} position */
  move(key, position) {
    moveNodes(this.change, new Map([[this.node(key).id, position]]));
  }

  /** @param {string} key @param {Point} size */
  resize(key, size) {
    resizeNode(this.change, this.node(key).id, size);
  }

  /** @param {string} key @param {string | null} title null is the name of the type */
  setTitle(key, title) {
    setTitle(this.change, this.node(key).id, title);
  }

  /** @param {string} key @param {NodeMode} mode */
  setMode(key, mode) {
    if (!["normal", "mute", "bypass"].includes(mode)) throw new Error(`a node is normal, mute or bypass, not ${mode}`);
    setMode(this.change, [this.node(key).id], mode);
  }

  /** @param {string} key @param {string | null} color */
  setColor(key, color) {
    setColor(this.change, [this.node(key).id], color);
  }

  /**
   * Links an output to an input; a link that may not be made throws with the reason.
   * @param {string} from @param {number | string} output index or name @param {string} to @param {string} input
   */
  connect(from, output, to, input) {
    const origin = this.node(from);
    const { definitions } = this.app.store;
    const slot = typeof output === "number" ? output : slotsOf(definitions, origin).outputs.findIndex((one) => one.name === output);
    connect(this.change, definitions, origin.id, slot, this.node(to).id, input);
  }

  /** @param {string} key @param {string} input */
  disconnect(key, input) {
    const link = this.change.graph.linkInto(this.node(key).id, input);
    if (link) removeLinks(this.change, [link.id]);
  }
}
