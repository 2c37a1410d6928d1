/** Ties a field of a form to the value of one input, wherever its node stands. */

/** @import { App } from "../../app.js" */
/** @import { InputSlot, Node, Widget } from "../../model/types.js" */
/** @import { Wish } from "../../widgets/kinds.js" */

import { chooseWord, setControl } from "../../model/commands.js";
import { nodeOfForm } from "../../model/form.js";
import { inputSlot } from "../../model/slots.js";
import { pathTo } from "../../model/subgraphs.js";
import { limited, readable } from "../../widgets/kinds.js";
import { t } from "../../words.js";

/**
 * The key under which prompts and messages know a node, wherever it stands.
 * @param {App} app @param {{graph: string, node: Node}} place
 */
export function keyOf({ store: { document } }, { graph, node }) {
  let inner = document.root;
  const keys = (pathTo(document, graph) ?? []).map((id) => {
    const instance = /** @type {Node} */ (inner.nodes.get(id));
    inner = document.graphs.get(instance.type) ?? inner;
    return instance.key;
  });
  return [...keys, node.key].join(":");
}

/** One input of one node. */
export class Binding {
  /** @param {App} app @param {string} id of the node @param {string} name of the input @param {Wish} wish */
  constructor(app, id, name, wish = {}) {
    this.app = app;
    this.id = id;
    this.name = name;
    this.wish = wish;
  }

  /** Where the node stands, or null when it is gone. */
  get place() {
    return nodeOfForm(this.app.store.document, this.id);
  }

  /** @returns {Node | null} */
  get node() {
    return this.place?.node ?? null;
  }

  /** @returns {InputSlot | undefined} */
  get slot() {
    const { node } = this;
    return node ? inputSlot(this.app.store.definitions, node, this.name) : undefined;
  }

  /** @returns {Widget | null} within the limits of the form */
  get widget() {
    const widget = this.slot?.widget;
    return widget ? limited(widget, this.wish) : null;
  }

  /** What it is called here. */
  get label() {
    return this.wish.label || readable(this.slot?.label ?? this.name);
  }

  /** Whether a link gives the value. */
  get isLinked() {
    const { place } = this;
    return Boolean(place && this.app.store.document.graphs.get(place.graph)?.linkInto(this.id, this.name));
  }

  /** The value as it stands. */
  get value() {
    return this.node?.values[this.name];
  }

  /** What can be chosen, with what stands there now. @returns {readonly any[]} */
  get options() {
    const { widget, value } = this;
    const options = widget?.options ?? [];
    return options.includes(value) || value === undefined || value === null ? options : [value, ...options];
  }

  /** How the seed changes before a run. */
  get control() {
    return this.node?.controls[this.name] ?? "fixed";
  }

  /** What is wrong with the value, in words. @returns {string} */
  get problem() {
    const { place } = this;
    if (!place) return "";
    const key = keyOf(this.app, place);
    return this.app.board.problems.filter((problem) => problem.key === key && problem.input === this.name).map(({ text }) => text).join("\n");
  }

  /** @param {any} value @param {string | null} gesture changes of one gesture are undone together */
  set(value, gesture = null) {
    const { place, slot } = this;
    if (!place || !slot) return;
    const { store } = this.app;
    store.run(t("Set {name}", { name: this.label }), (change) => {
      const within = change.at(place.graph);
      chooseWord(within, store.definitions, this.id, this.name, value);
    }, gesture);
  }

  /** @param {import("../../model/types.js").ControlMode} mode */
  setControl(mode) {
    const { place } = this;
    if (place) this.app.store.run(t("Set seed control"), (change) => setControl(change.at(place.graph), this.id, this.name, mode));
  }
}
