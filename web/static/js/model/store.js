/** Holds the open document: runs commands on it, keeps their history, and tells who listens what was touched. */

/** @import { Definitions, Patch } from "./types.js" */

/** @import { Document } from "./document.js" */

import { ROOT, Transaction, inverse } from "./document.js";
import { History } from "./history.js";

/**
 * @typedef {Readonly<{reason: "command" | "undo" | "redo" | "open" | "definitions", label: string,
 *   patches: readonly Patch[]}>} Change
 */

/** One document that is being edited. */
export class Store {
  /** @param {Document} document @param {Definitions} definitions */
  constructor(document, definitions) {
    this.document = document;
    this.definitions = definitions;
    this.history = new History();
    this.graphId = ROOT;
    /** @type {Set<(change: Change) => void>} */ this.listeners = new Set();
    /** @type {() => number} */ this.clock = () => Date.now();
  }

  /** The graph on screen. */
  get graph() {
    return /** @type {import("./document.js").Graph} */ (this.document.graphs.get(this.graphId));
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
   * Puts another document in place of this one; the history starts anew.
   * @param {Document} document
   */
  open(document) {
    this.document = document;
    this.graphId = ROOT;
    this.history = new History();
    this.tell({ reason: "open", label: "Open", patches: [] });
  }

  /** @param {Definitions} definitions */
  define(definitions) {
    this.definitions = definitions;
    this.tell({ reason: "definitions", label: "Node definitions", patches: [] });
  }

  /** @param {readonly Patch[]} patches @param {"undo" | "redo"} reason @param {string} label */
  replay(patches, reason, label) {
    for (const patch of patches) this.document.apply(patch);
    this.tell({ reason, label, patches });
    return label;
  }

  /** @param {Change} change */
  tell(change) {
    for (const listener of this.listeners) listener(change);
  }
}
