/** What gestures and commands do beyond a single change: search, menus, pictures, adding and showing nodes. */

/** @import { App } from "../app.js" */
/** @import { Group, Node, Point } from "../model/types.js" */
/** @import { Doubt } from "../model/io/read.js" */
/** @import { Linking } from "../canvas/view.js" */
/** @import { Pointer } from "../canvas/input/chart.js" */
/** @import { WidgetPlace } from "../canvas/shape.js" */

import { addNode, chooseWord, connect, isBoundary, setControl, setValue } from "../model/commands.js";
import { inputSlot } from "../model/slots.js";
import { CONTROL_MODES, controlWords } from "../model/seeds.js";
import { holdsSubgraph } from "../model/subgraphs.js";
import { typesMatch } from "../model/validate.js";
import { feedReroute } from "../model/wiring.js";
import { uploadImage } from "../engine/api.js";
import { openLightbox } from "../ui/dialogs.js";
import { hooks } from "../canvas/hooks.js";
import { groupItems, linkItems, rerouteItems } from "./menus.js";
import { slotItems } from "./subgraphs.js";
import { reasonOf, t } from "../words.js";
import { chooseFiles } from "../ui/localfiles.js";
import { openMenu, openPicker } from "../ui/menu.js";
import { loadStyle } from "../ui/styles.js";
import { tell, toast } from "../ui/toasts.js";
import { holdLetters } from "../ui/typeahead.js";

/** More types than these are left to the search. */
const MOST_OFFERED = 14;

/** The setting that counts how often each node type was added. */
export const USES = "library.uses";

/** Reached by the state chart and by commands. */
export class Actions {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.serial = 0;
    /** @type {readonly import("../model/types.js").Definition[]} subgraphs that are kept to be used again */ this.blueprints = [];
    /** @type {readonly import("../engine/blueprints.js").Unread[]} */ this.unreadBlueprints = [];
    /** @type {Set<() => void>} told when they are others */ this.blueprintWatchers = new Set();
    app.settings.define({ id: USES, kind: "record", fallback: {} });
  }

  /** @param {string} text */
  refuse(text) {
    toast(text, { kind: "bad", name: "refusal" });
  }

  /** Runs a command; what it refuses is said. @param {string} label @param {(change: import("../model/document.js").Transaction) => void} edit */
  attempt(label, edit) {
    try {
      this.app.store.run(label, edit);
    } catch (error) {
      this.refuse(reasonOf(error));
    }
  }

  /** Whether the values of a node may be changed here. @param {string} id @returns {boolean} */
  canEdit(id) {
    const node = this.app.store.graph.nodes.get(id);
    return node !== undefined && this.app.store.definitions.has(node.type);
  }

  /**
   * Opens the search for a node to add; with a link in the hand only types that it fits.
   * @param {{at: Point, screen: Point, linking?: Linking}} where
   */
  search({ at, screen, linking }) {
    const { store, settings } = this.app;
    const box = this.app.view.stage.getBoundingClientRect();
    const fits = [...store.definitions.values(), ...this.blueprints].filter((definition) => !isBoundary(definition) &&
      !(definition.isSubgraph && holdsSubgraph(store.document, definition.type, store.graphId)) &&
      (!linking || socketFor(definition, linking) !== null));
    const letGo = holdLetters();
    const open = (/** @type {typeof import("../ui/nodesearch.js")} */ { openNodeSearch }) => {
      const query = letGo();
      if (query === null) return;
      openNodeSearch({
        x: box.left + screen[0] - 20, y: box.top + screen[1] - 20, type: linking?.type ?? null, definitions: fits, uses: settings.get("nodes.often") ? settings.get(USES) : {},
        hasCard: settings.get("nodes.card"), query,
      }, (definition) => this.place(definition, at, linking));
    };
    void tell(import("../ui/nodesearch.js").then(open).finally(letGo));
  }

  /**
   * Offers the usual node types for a link in the hand, and the search for all others.
   * @param {{at: Point, screen: Point, linking: Linking}} where
   */
  linkMenu(where) {
    const { store, view } = this.app;
    const box = view.stage.getBoundingClientRect();
    const fits = [...store.definitions.values()].filter((one) => !isBoundary(one) && !one.isVirtual && !one.deprecated &&
      !one.category.startsWith("_") && socketFor(one, where.linking) !== null);
    const own = fits.filter((one) => (where.linking.fromOutput ? one.inputs : one.outputs).some((slot) => slot.type === where.linking.type));
    openMenu(box.left + where.screen[0], box.top + where.screen[1], [
      { label: t("Search…"), run: () => this.search(where) }, null,
      ...own.slice(0, MOST_OFFERED).map((one) => ({ label: one.name, run: () => this.add(one, where.at, where.linking) })),
    ]);
  }

  /**
   * Adds a node that was looked for; where that is wanted it hangs on the pointer until a press.
   * @param {import("../model/types.js").Definition} definition @param {Point} at @param {Linking} [linking]
   */
  place(definition, at, linking) {
    const { view, chart } = this.app;
    if (linking || !view.choices.hangs || chart.last === null) return this.add(definition, at, linking);
    const pointer = chart.pointer(chart.last);
    const gesture = chart.newGesture();
    this.add(definition, [pointer.world[0] - 90, pointer.world[1] + 12], undefined, gesture);
    chart.go("placing", { pointer, gesture });
  }

  /**
   * Adds a node, and links it to what was in the hand.
   * @param {import("../model/types.js").Definition} definition @param {Point} at @param {Linking} [linking]
   * @param {string | null} gesture
   */
  add(definition, at, linking, gesture = null) {
    const { store, view, settings } = this.app;
    const socket = linking ? socketFor(definition, linking) : null;
    const whole = gesture ?? `add:${this.serial++}`;
    const x = Math.round(linking && !linking.fromOutput ? at[0] - 240 : at[0]);
    const id = store.run(`Add ${definition.name}`, (change) => {
      const place = /** @type {Point} */ ([x, Math.round(at[1] + (linking ? 4 : 0))]);
      if (definition.insert) return definition.insert(change, place);
      const node = addNode(change, definition, place);
      const control = settings.get("run.seed");
      for (const name of Object.keys(node.controls)) if (control !== node.controls[name]) setControl(change, node.id, name, control);
      return node.id;
    }, whole);
    const fixed = linking?.ends[0];
    if (fixed && socket !== null) {
      store.run(`Add ${definition.name}`, (change) => {
        if (fixed.node === "") feedReroute(change, store.definitions, id, Number(socket), fixed.via ?? "");
        else if (typeof socket === "string") connect(change, store.definitions, fixed.node, fixed.slot, id, socket, fixed.via ?? null);
        else connect(change, store.definitions, id, socket, fixed.node, fixed.input);
      }, whole);
    }
    view.select([id]);
    view.stage.focus();
    const uses = settings.get(USES);
    settings.set(USES, { ...uses, [definition.type]: (uses[definition.type] ?? 0) + 1 });
  }

  /**
   * What a press on a widget does.
   * @param {string} id @param {string} name @param {boolean} isControl @param {WidgetPlace} place
   */
  useWidget(id, name, isControl, place) {
    const { store, view } = this.app;
    const node = store.graph.nodes.get(id);
    const widget = node && inputSlot(store.definitions, node, name)?.widget;
    if (!node || !widget || !this.canEdit(id)) return;
    if (store.graph.linkInto(id, name)) return toast(t("A link gives this value. Remove the link to type one."), { name: "linked" });
    if (isControl) return this.pickControl(node, name, place);
    if (widget.kind === "toggle") store.run(`Set ${name}`, (change) => setValue(change, id, name, !node.values[name]));
    else if (widget.kind === "combo") this.pickOption(node, name, place);
    else view.dom.edit(node, name);
  }

  /** @param {WidgetPlace} place @param {boolean} control @returns {{x: number, y: number, width: number}} below a widget */
  below(place, control) {
    const { view } = this.app;
    const [x, y, width, height] = control && place.control ? place.control : place.bounds;
    const box = view.stage.getBoundingClientRect();
    const [left, top] = view.camera.toScreen(x, y + height);
    return { x: box.left + left, y: box.top + top + 4, width: width * view.camera.scale };
  }

  /** @param {Node} node @param {string} name @param {WidgetPlace} place */
  pickControl(node, name, place) {
    const value = node.controls[name] ?? "fixed";
    openPicker({ ...this.below(place, true), options: CONTROL_MODES, words: controlWords(), value, label: t("Before each run") }, (mode) =>
      this.app.store.run("Set seed control", (change) => setControl(change, node.id, name, mode)));
  }

  /** @param {Node} node @param {string} name @param {WidgetPlace} place */
  pickOption(node, name, place) {
    const widget = inputSlot(this.app.store.definitions, node, name)?.widget;
    if (!widget) return;
    const list = { ...this.below(place, false), options: widget.options, value: node.values[name], label: name };
    const { store } = this.app;
    openPicker(list, (value) => store.run(`Set ${name}`, (change) => chooseWord(change, store.definitions, node.id, name, value)));
  }

  /** @param {Node} node the pictures of this node, at full size, or the way to choose one */
  openPictures(node) {
    const urls = this.app.view.picturesOf(node);
    if (urls.length > 1 && node.type === "ImageCompare") void compare(urls);
    else if (urls.length > 0) void openLightbox(urls);
    else if (this.uploadName(node)) void this.chooseImage(node);
  }

  /** @param {Node} node @returns {string | null} the input of a node that takes a picture file */
  uploadName(node) {
    return this.app.store.definitions.get(node.type)?.inputs.find((input) => input.widget?.upload)?.name ?? null;
  }

  /** @param {Node} node */
  async chooseImage(node) {
    const [file] = await chooseFiles("image/*");
    if (file) await this.putImage(node.id, file);
  }

  /**
   * Uploads a picture and gives it to a node.
   * @param {string} id @param {File} file
   */
  async putImage(id, file) {
    const { store, pictures } = this.app;
    try {
      const value = await uploadImage(file, file.name || "pasted.png");
      const node = store.graph.nodes.get(id);
      const name = node && this.uploadName(node);
      if (!node || !name) return;
      pictures.forget(pictures.inputUrl(value));
      this.app.board.outputs.delete(this.app.view.keyOf(node));
      store.run("Choose picture", (change) => setValue(change, id, name, value));
      this.offerOption(node.type, name, value);
    } catch (error) {
      toast(t("The picture was not uploaded. {reason}", { reason: reasonOf(error) }), { kind: "bad" });
    }
  }

  /** Adds a file that is new on the server to the options of a combo. @param {string} type @param {string} name @param {any} value */
  offerOption(type, name, value) {
    const { store } = this.app;
    const definition = store.definitions.get(type);
    const input = definition?.inputs.find((one) => one.name === name);
    if (!definition || !input?.widget || input.widget.options.includes(value)) return;
    const widget = Object.freeze({ ...input.widget, options: [...input.widget.options, value] });
    const inputs = definition.inputs.map((one) => (one === input ? Object.freeze({ ...one, widget }) : one));
    store.define(new Map(store.catalogue).set(type, Object.freeze({ ...definition, inputs })));
  }

  /** @param {string} key shows the node with this key ("12:3" is inside node 12), and selects it */
  showNode(key) {
    const { store, view } = this.app;
    const found = store.find(key);
    if (!found) return;
    const { node, path } = found;
    if (path.join() !== store.path.join()) store.show(path);
    view.select([node.id]);
    view.fit([node.id], Math.max(1, view.camera.scale));
  }

  /** Shows the inside of a subgraph. @param {Node} node */
  enter(node) {
    const { store } = this.app;
    if (store.document.subgraphs.has(node.type)) store.show([...store.path, node.id]);
  }

  /** @param {Group} group */
  renameGroup(group) {
    this.app.view.dom.openGroup(group);
  }

  /** @param {readonly Doubt[]} doubts */
  showDoubts(doubts) {
    if (doubts.length === 0) return;
    this.app.board.setProblems(doubts.map(({ key, text }) => ({ key, input: null, title: t("While opening"), text, details: "" })));
  }

  /** @param {Pointer} pointer @param {number} x @param {number} y */
  contextMenu(pointer, x, y) {
    const { commands, view } = this.app;
    const { hit } = pointer;
    if ("node" in hit) {
      if (!view.selection.has(hit.node.id)) view.select([hit.node.id]);
      const pictures = view.picturesOf(hit.node).length > 0 || this.uploadName(hit.node);
      const extra = pictures ? [null, { label: t("Open picture"), run: () => this.openPictures(hit.node) }] : [];
      const upload = this.uploadName(hit.node) ? [{ label: t("Choose picture…"), run: () => void this.chooseImage(hit.node) }] : [];
      const nested = view.isSubgraph(hit.node.type) ? commands.items(["enter-subgraph", "rename-subgraph", "unpack-subgraph", "keep-blueprint", null]) : [];
      const slots = slotItems(this.app, hit);
      /** @type {import("../ui/menu.js").Item[]} */
      const items = [...slots, ...nested, ...commands.items([
        "rename-node", "collapse", "mute", "bypass", null, "copy", "duplicate", "colour", "group", "make-subgraph", "delete",
      ]), ...extra, ...upload];
      openMenu(x, y, [...items, ...[...hooks.nodeMenu].flatMap((offer) => offer(hit.node, items, hit))]);
    } else if (hit.kind === "link") {
      openMenu(x, y, [...linkItems(this.app, hit, pointer.world), ...[...hooks.linkMenu].flatMap((offer) => offer(hit.link))]);
    } else if (hit.kind === "reroute") {
      openMenu(x, y, rerouteItems(this.app, hit.reroute));
    } else if ("group" in hit) {
      view.clearSelection();
      view.selectedGroup = hit.group.id;
      openMenu(x, y, groupItems(this.app, hit.group, x, y));
    } else {
      const add = { label: t("Add node…"), keys: t("Double click"), run: () => this.search({ at: pointer.world, screen: pointer.screen }) };
      openMenu(x, y, [add, ...commands.items([null, "paste", "select-all", "fit", "tidy", null, "undo", "redo"]),
        ...[...hooks.canvasMenu].flatMap((offer) => offer(pointer.world))]);
    }
  }
}

/**
 * The first socket of a type that can end a link: the name of an input, the index of an output, or null.
 * @param {import("../model/types.js").Definition} definition @param {Linking} linking
 * @returns {string | number | null}
 */
function socketFor(definition, linking) {
  if (linking.fromOutput) {
    const match = (/** @type {boolean} */ exact) => definition.inputs.find((input) =>
      exact ? input.type === linking.type && !input.widget : typesMatch(linking.type, input.type));
    return (match(true) ?? match(false))?.name ?? null;
  }
  const index = definition.outputs.findIndex((output) => typesMatch(output.type, linking.type));
  return index < 0 ? null : index;
}

/** Shows the first pictures of two lists of one length over each other. @param {readonly string[]} urls */
async function compare(urls) {
  const [{ openComparison }] = await Promise.all([import("../ui/compare.js"), loadStyle("side.css")]);
  openComparison(urls[0], urls[Math.floor(urls.length / 2)]);
}
