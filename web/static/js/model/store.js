/** Holds the open document: runs commands on it, keeps their history, and tells who listens what was touched. */

/** @import { Definitions, Node, Patch } from "./types.js" */

/** @import { Document } from "./document.js" */

import { adoptTypes } from "./adopt.js";
import { ROOT, Transaction, inverse } from "./document.js";
import { History } from "./history.js";
import { writeJson } from "./io/json.js";
import { pathTo, withSubgraphs } from "./subgraphs.js";

/**
 * @typedef {Readonly<{reason: "command" | "undo" | "redo" | "open" | "enter" | "definitions", label: string,
 *   patches: readonly Patch[]}>} Change
 */

/** One document that is being edited. */
export class Store {
  /** @param {Document} document @param {Definitions} catalogue */
  constructor(document, catalogue) {
    this.document = document;
    this.catalogue = catalogue;
    /** the catalogue, and the subgraphs of the document */
    this.definitions = withSubgraphs(document, catalogue);
    this.history = new History();
    this.graphId = ROOT;
    /** @type {readonly string[]} ids of the instances that were entered, outermost first */ this.path = [];
    /** @type {Set<(change: Change) => void>} */ this.listeners = new Set();
    /** @type {() => number} */ this.clock = () => Date.now();
  }

  /** The graph on screen. */
  get graph() {
    return /** @type {import("./document.js").Graph} */ (this.document.graphs.get(this.graphId));
  }

  /** What the keys of the graph on screen begin with in prompts and messages: "", "12:", "12:3:". */
  get prefix() {
    return this.instances.map((node) => `${node.key}:`).join("");
  }

  /** The instances that were entered, outermost first. @returns {Node[]} */
  get instances() {
    let graph = this.document.root;
    return this.path.map((id) => {
      const node = /** @type {Node} */ (graph.nodes.get(id));
      graph = /** @type {import("./document.js").Graph} */ (this.document.graphs.get(node.type));
      return node;
    });
  }

  /**
   * The node that prompts and messages know under a key ("12:3" is node 3 inside node 12), and the way to it.
   * @param {string} key
   * @returns {{node: Node, path: string[]} | null}
   */
  find(key) {
    const keys = key.split(":");
    const own = /** @type {string} */ (keys.pop());
    /** @type {string[]} */
    const path = [];
    let graph = this.document.root;
    for (const part of keys) {
      const instance = graph.nodeByKey(part);
      const inner = instance && this.document.graphs.get(instance.type);
      if (!inner) return null;
      path.push(instance.id);
      graph = inner;
    }
    const node = graph.nodeByKey(own);
    return node ? { node, path } : null;
  }

  /**
   * Shows another graph.
   * @param {readonly string[]} path ids of instances, outermost first
   */
  show(path) {
    this.path = path;
    this.graphId = this.instances.at(-1)?.type ?? ROOT;
    this.history.seal();
    this.tell({ reason: "enter", label: "Enter", patches: [] });
  }

  /**
   * Calls back after each change, until the returned function is called.
   * @param {(change: Change) => void} listener
   * @returns {() => void}
   */
  listen(listener) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /**
   * Runs a command whole or not at all.
   * @template T
   * @param {string} label what the history calls it
   * @param {(change: Transaction) => T} command
   * @param {string | null} gesture entries of one gesture are undone together
   * @returns {T}
   */
  run(label, command, gesture = null) {
    const change = new Transaction(this.document, this.graphId);
    let result;
    try {
      result = command(change);
    } catch (error) {
      change.rollback();
      throw error;
    }
    if (change.patches.length > 0) {
      this.history.push(label, change.patches, gesture, this.clock());
      this.settle(change.patches);
      this.tell({ reason: "command", label, patches: change.patches });
    }
    return result;
  }

  /** @returns {string | null} the label of what was undone */
  undo() {
    const entry = this.history.back();
    if (!entry) return null;
    return this.replay(inverse(entry.patches), "undo", entry.label);
  }

  /** @returns {string | null} the label of what was done again */
  redo() {
    const entry = this.history.forward();
    if (!entry) return null;
    return this.replay(entry.patches, "redo", entry.label);
  }

  /**
   * Takes a gesture back as if it had never begun (Escape while dragging).
   * @param {string} gesture
   */
  abandon(gesture) {
    if (this.history.past.at(-1)?.gesture !== gesture) return;
    this.undo();
    this.history.future.pop();
  }

  /**
   * Puts another document in place of this one, with a history of its own; without one it starts anew.
   * @param {Document} document @param {History} history @param {readonly string[]} path the subgraph that is shown
   */
  open(document, history = new History(), path = []) {
    this.document = document;
    this.history = history;
    this.path = path;
    this.graphId = this.instances.at(-1)?.type ?? ROOT;
    this.definitions = withSubgraphs(document, this.catalogue);
    this.tell({ reason: "open", label: "Open", patches: [] });
  }

  /** @param {Definitions} catalogue */
  define(catalogue) {
    const before = this.definitions;
    this.catalogue = catalogue;
    this.definitions = withSubgraphs(this.document, catalogue);
    this.tell({ reason: "definitions", label: "Node definitions", patches: [] });
    this.run("Node definitions", (change) => adoptTypes(change, before, this.definitions));
  }

  /** @param {readonly Patch[]} patches @param {"undo" | "redo"} reason @param {string} label */
  replay(patches, reason, label) {
    for (const patch of patches) this.document.apply(patch);
    this.settle(patches);
    this.tell({ reason, label, patches });
    const graphs = new Set(patches.filter((patch) => patch.kind !== "graph" && patch.kind !== "meta").map((patch) => patch.graph));
    if (graphs.size > 0 && !graphs.has(this.graphId)) {
      const [first] = graphs;
      const path = pathTo(this.document, first);
      if (path) this.show(path);
    }
    return label;
  }

  /**
   * Follows what patches did to subgraphs: their sockets and widgets, and whether the one on screen is still there.
   * @param {readonly Patch[]} patches
   */
  settle(patches) {
    if (patches.every((patch) => patch.graph === ROOT)) return;
    if (!this.isPathWhole()) {
      this.path = [];
      this.graphId = ROOT;
    }
    const definitions = withSubgraphs(this.document, this.catalogue);
    if (!sameSubgraphs(this.definitions, definitions)) {
      this.definitions = definitions;
      this.tell({ reason: "definitions", label: "Subgraphs", patches: [] });
    }
  }

  /** @returns {boolean} */
  isPathWhole() {
    let graph = this.document.root;
    for (const id of this.path) {
      const inner = this.document.graphs.get(graph.nodes.get(id)?.type ?? "");
      if (!inner) return false;
      graph = inner;
    }
    return graph.id === this.graphId;
  }

  /** @param {Change} change */
  tell(change) {
    for (const listener of this.listeners) listener(change);
  }
}

/** @param {Definitions} before @param {Definitions} after @returns {boolean} whether both describe the same subgraphs */
function sameSubgraphs(before, after) {
  const text = (/** @type {Definitions} */ definitions) =>
    writeJson([...definitions.values()].filter((definition) => definition.isSubgraph));
  return text(before) === text(after);
}
