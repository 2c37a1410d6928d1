/** The properties of what is selected: values, what the type is for, where links come from; without a selection, what the form offers. */

/** @import { App } from "../app.js" */
/** @import { Node } from "../model/types.js" */
/** @import { Field } from "./form/fields.js" */

import { setMode, setTitle } from "../model/commands.js";
import { formOf } from "../model/form.js";
import { slotsOf, titleOf } from "../model/slots.js";
import { t } from "../words.js";
import { make, refill } from "./dom.js";
import { Binding } from "./form/binding.js";
import { makeField } from "./form/fields.js";
import { whence } from "./nodecard.js";

const MOST_NODES = 12;
const MODES = /** @type {const} */ (["normal", "mute", "bypass"]);

/** Makes the panel. @param {App} app @param {HTMLElement} element @returns {() => void} */
export function renderInspector(app, element) {
  const inspector = new Inspector(app, element);
  const watch = () => inspector.follow();
  const ends = [app.board.listen(watch), app.store.listen(() => {
    inspector.isOld = true;
    watch();
  })];
  app.view.watchers.add(watch);
  watch();
  return () => {
    for (const end of ends) end();
    app.view.watchers.delete(watch);
  };
}

class Inspector {
  /** @param {App} app @param {HTMLElement} element */
  constructor(app, element) {
    this.app = app;
    this.element = element;
    this.shown = "";
    /** whether the document has changed since */ this.isOld = true;
    /** @type {Node[]} */ this.seen = [];
    /** @type {readonly unknown[]} */ this.problems = [];
    /** @type {Field[]} */ this.fields = [];
    element.classList.add("inspector");
  }

  /** @private @returns {Node[]} */
  chosen() {
    const { view, store } = this.app;
    return [...view.selection].slice(0, MOST_NODES).flatMap((id) => store.graph.nodes.get(id) ?? []);
  }

  /** Shows what is selected now: anew if its fields are others, or else only its values. */
  follow() {
    const { store, board, view } = this.app;
    const nodes = this.chosen();
    const isSame = !this.isOld && nodes.length === this.seen.length && board.problems === this.problems &&
      nodes.every((node, index) => node === this.seen[index]);
    if (isSame) return;
    const slots = (/** @type {Node} */ node) => slotsOf(store.definitions, node).inputs.map(({ name, widget }) =>
      `${name} ${widget?.kind} ${widget?.hidden} ${store.graph.linkInto(node.id, name)?.from}`);
    const ends = (/** @type {Node} */ node) => store.graph.linksFrom(node.id).map(({ slot, to }) => `${slot} ${to}`);
    const name = nodes.length === 0 ? `form ${JSON.stringify(formOf(store.document))}`
      : nodes.map((node) => [node.id, node.title, node.mode, view.selection.size, ...slots(node), ...ends(node)].join()).join("\n");
    this.isOld = false;
    this.seen = nodes;
    this.problems = board.problems;
    if (name === this.shown) return this.fields.forEach(({ update }) => update());
    this.shown = name;
    refill(this.element, () => this.fill(nodes));
  }

  /** @private @param {readonly Node[]} nodes */
  fill(nodes) {
    this.fields = [];
    this.element.replaceChildren(...(nodes.length > 0 ? nodes.map((node) => this.section(node)) : this.favourites()));
    const rest = this.app.view.selection.size - nodes.length;
    if (rest > 0) this.element.append(make("p", { className: "hint" }, t("and {count} more", { count: rest })));
  }

  /** @private @param {string} id @param {string} name @param {import("../widgets/kinds.js").Wish} [wish] */
  field(id, name, wish = {}) {
    const field = makeField(new Binding(this.app, id, name, wish));
    this.fields.push(field);
    return field.element;
  }

  /** @private @param {Node} node @returns {HTMLElement} */
  section(node) {
    const { store } = this.app;
    const definition = store.definitions.get(node.type);
    const slots = slotsOf(store.definitions, node);
    const widgets = slots.inputs.filter(({ widget }) => widget && widget.kind !== "button");
    const usual = widgets.filter(({ widget }) => !widget?.hidden);
    const hidden = widgets.filter(({ widget }) => widget?.hidden);
    const title = make("input", { className: "inspector-title", value: titleOf(store.definitions, node), "aria-label": t("Title of the node"), spellcheck: false });
    title.addEventListener("change", () => {
      const typed = title.value.trim();
      const plain = titleOf(store.definitions, { ...node, title: null });
      store.run("Rename node", (change) => setTitle(change, node.id, typed === "" || typed === plain ? null : typed));
    });
    return make("section", {}, title,
      make("p", { className: "inspector-type" }, [node.type, definition ? whence(definition) : t("Not installed"), `#${node.key}`].join("  ·  ")),
      this.modes(node),
      make("div", { className: "form-view" }, ...usual.map(({ name }) => this.field(node.id, name))),
      hidden.length === 0 ? null : make("details", {}, make("summary", {}, t("Advanced")),
        make("div", { className: "form-view" }, ...hidden.map(({ name }) => this.field(node.id, name)))),
      definition?.description ? make("p", { className: "inspector-about" }, definition.description) : null,
      this.sockets(node));
  }

  /** @private @param {Node} node */
  modes({ id, mode }) {
    const words = { normal: t("Active"), mute: t("Muted"), bypass: t("Bypassed") };
    // The keyboard begins here, so that letters that are typed at once do not rename the node.
    return make("div", { className: "inspector-modes", role: "group", "aria-label": t("What a run does with the node") }, ...MODES.map((one) => make("button", {
      type: "button", className: "quiet", "aria-pressed": String(one === mode), autofocus: one === mode, "data-focus": `${one} ${id}`,
      onclick: () => this.app.store.run("Set mode", (change) => setMode(change, [id], one)),
    }, words[one])));
  }

  /** @private where the links of a node come from and lead to @param {Node} node */
  sockets(node) {
    const { store } = this.app;
    const { inputs, outputs } = slotsOf(store.definitions, node);
    const ins = inputs.map((slot) => this.row(slot.label, slot.type, slot.tooltip, [store.graph.linkInto(node.id, slot.name)?.from]));
    const outs = outputs.map((slot) => this.row(slot.label, slot.type, slot.tooltip,
      store.graph.linksFrom(node.id).filter((link) => link.slot === slot.index).map(({ to }) => to)));
    const part = (/** @type {string} */ name, /** @type {HTMLElement[]} */ rows) =>
      (rows.length === 0 ? [] : [make("h4", {}, name), make("ul", {}, ...rows)]);
    return make("details", {}, make("summary", {}, t("Inputs and outputs")), ...part(t("Inputs"), ins), ...part(t("Outputs"), outs));
  }

  /** @private @param {string} label @param {string} type @param {string} about @param {readonly (string | undefined)[]} others ids of nodes */
  row(label, type, about, others) {
    const { store, view } = this.app;
    const nodes = others.flatMap((id) => store.graph.nodes.get(id ?? "") ?? []);
    return make("li", {}, make("strong", {}, label), make("span", { className: "inspector-kind" }, type),
      ...nodes.map((node) => make("button", {
        type: "button", className: "link", onclick: () => this.app.actions.showNode(view.keyOf(node)),
      }, titleOf(store.definitions, node))), about ? make("p", {}, about) : null);
  }

  /** @private what the form offers, while nothing is selected @returns {HTMLElement[]} */
  favourites() {
    /** @type {HTMLElement[]} */
    const fields = [];
    const walk = (/** @type {readonly any[]} */ items) => {
      for (const item of items) {
        if (item.kind === "input") fields.push(this.field(item.node, item.name, item));
        else if (item.kind === "row") walk(item.items);
      }
    };
    walk(formOf(this.app.store.document).items);
    const hint = make("p", { className: "hint" }, t("Select a node to see its properties."));
    if (fields.length === 0) return [hint];
    return [hint, make("section", {}, make("h3", {}, t("In the form")), make("div", { className: "form-view" }, ...fields))];
  }
}
