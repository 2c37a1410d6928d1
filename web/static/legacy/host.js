/** From the legacy nodes to the document: what packs changed in plain fields is taken over, what they ask for becomes commands. */

import { connect, removeLinks, removeNodes } from "../js/model/commands.js";
import { merge } from "../js/model/history.js";
import { makeNode } from "../js/model/nodes.js";
import { Following } from "./following.js";
import { LGraphGroup, addGroupTo } from "./graph.js";
import { LGraphNode } from "./node.js";
import { page, quietly } from "./page.js";
import { recordFrom, syncFace, takeInputs, widgetAt } from "./sync.js";
import { declare } from "./widgets.js";
import { infoFrom, valuesOfFile } from "./files.js";

/** One for the page. */
export class Host extends Following {
  constructor() {
    super();
    /** @type {Set<any>} */ this.dirty = new Set();
    this.isAllDirty = false;
    this.isWaiting = false;
    this.changing = 0;
    /** @type {Map<string, any>} virtual types that packs registered */ this.types = new Map();
    this.typesWaiting = false;
  }

  /** Begins to follow the document. */
  start() {
    this.store.listen((change) => this.react(change));
    this.load();
  }

  // --- who is who

  nodeOf(recordId) {
    return this.byId.get(recordId);
  }

  recordOf(node) {
    return node._graphId === undefined ? undefined : this.store.document.graphs.get(node._graphId)?.nodes.get(node._id);
  }

  widgetAt(node, name) {
    return widgetAt(node, name);
  }

  isSelected(node) {
    return this.app.view.selection.has(node._id);
  }

  widgetHeight(node, widget) {
    const declared = declare(widget, node, false);
    if (declared.height !== undefined) return declared.height;
    return declared.kind === "text" ? 60 : declared.seeded ? 48 : 24;
  }

  slotPlace(node, side, slot) {
    const record = this.recordOf(node);
    const place = record && this.app.view.scene.shape(record)[side].find(({ slot: one }) => one.name === node[side][slot]?.name);
    return place ? [place.x, place.y] : null;
  }

  groupsOf(graph) {
    const records = this.store.document.graphs.get(graph._graphId)?.groups ?? new Map();
    return [...records.values()].map((record) => {
      let group = this.groups.get(record.id);
      if (!group) this.groups.set(record.id, (group = new LGraphGroup(record.title, record.key)));
      Object.assign(group, { _id: record.id, graph, title: record.title, color: record.color, _bounding: [...record.bounds] });
      return group;
    });
  }

  // --- from the nodes to the document

  /** Something may have changed: in one node, or in any. @param {any} [node] */
  stir(node) {
    if (page.quiet > 0) return;
    if (node instanceof LGraphNode) this.dirty.add(node);
    else this.isAllDirty = true;
    if (this.isWaiting) return;
    this.isWaiting = true;
    queueMicrotask(() => {
      this.isWaiting = false;
      if (page.depth === 0) this.flush();
      else this.stir(node);
    });
  }

  slotsChanged(node) {
    if (node._id) this.stir(node);
  }

  /** Takes over what packs changed in plain fields. */
  flush() {
    if (this.isFlushing) return;
    const nodes = this.isAllDirty ? [...this.byId.values()] : [...this.dirty];
    this.isAllDirty = false;
    this.dirty.clear();
    const changed = [];
    const touched = [];
    const moved = [];
    quietly(() => {
      for (const node of nodes) {
        const record = this.recordOf(node);
        if (!record) continue;
        for (const [before, now] of takeInputs(node)) moved.push({ node, before, now });
        if (syncFace(node, record)) touched.push(node);
        const next = recordFrom(node, record, this.store.definitions);
        if (next !== record) changed.push({ node, next });
      }
    });
    if (changed.length > 0) this.put(changed);
    for (const one of moved) this.moveLink(one);
    if (touched.length === 0) return;
    this.tellFaces(touched);
    if (this.reacting > 0) this.flush();
  }

  /** As `flush`, for all nodes: packs need not say what they changed. */
  flushAll() {
    this.isAllDirty = true;
    this.flush();
  }

  put(changed) {
    const byGraph = Map.groupBy ? Map.groupBy(changed, ({ node }) => node._graphId) : groupBy(changed);
    for (const [graphId, entries] of byGraph) {
      this.run(this.graphOf(graphId), "Change by a script", (change) => {
        for (const { next } of entries) change.put("node", next);
      }, true);
    }
  }

  /** Tells the canvas whose slots changed. */
  tellFaces(nodes) {
    const patches = nodes.map((node) => {
      const record = this.recordOf(node);
      return { graph: node._graphId, kind: "node", id: record.id, before: record, after: record };
    });
    this.store.tell({ reason: "faces", label: "", patches });
    for (const node of nodes) {
      this.refreshLinks(node, this.store.document.graphs.get(node._graphId));
      this.grow(node);
    }
  }

  /** The link of an input that got another name, or is gone. */
  moveLink({ node, before, now }) {
    const link = this.store.document.graphs.get(node._graphId)?.linkInto(node._id, before);
    if (!link) return;
    this.run(node.graph, "Change by a script", (change) => {
      if (now === null) change.remove("link", link.id);
      else change.put("link", { ...link, input: now });
    }, now !== null);
  }

  /** A node is at least as high as its widgets need. */
  grow(node) {
    const record = this.recordOf(node);
    if (!record || record.collapsed) return;
    const [, , width, height] = this.app.view.scene.shape(record).bounds;
    if (height - 30 <= node.size[1] && width <= node.size[0]) return;
    node.size = [Math.max(node.size[0], width), Math.max(node.size[1], height - 30)];
    this.dirty.add(node);
    if (this.reacting === 0) this.stir(node);
  }

  /** Changes of its own: the nodes know them already. */
  takeSeen({ patches }) {
    for (const patch of patches) {
      const node = patch.kind === "node" && patch.after && this.byId.get(patch.after.id);
      if (node) this.seen.set(node, patch.after);
    }
  }

  /**
   * Runs a command for a pack. What a pack does in answer to a command belongs to that command, and what it does with a result
   * is no step of its own: nobody did anything since.
   * @param {LGraph} graph @param {string} label @param {(change: any) => any} command @param {boolean} [isKnown] to the nodes already
   */
  run(graph, label, command, isKnown = false) {
    if (this.isReplaying) return undefined;
    const { history } = this.store;
    const depth = history.past.length;
    this.isFlushing = isKnown;
    let answer;
    try {
      answer = this.store.run(label, (change) => command(change.at(graph._graphId)));
    } finally {
      this.isFlushing = false;
    }
    if ((this.reacting > 0 || this.changing > 1 || page.lastResult > page.lastInput) && history.past.length === depth + 1) {
      const { patches } = history.past.pop();
      const last = history.past.at(-1);
      if (last) last.patches = merge([...last.patches, ...patches]);
    }
    return answer;
  }

  beforeChange() {
    this.changing += 1;
  }

  afterChange() {
    this.changing = Math.max(0, this.changing - 1);
    this.stir();
  }

  connect(origin, slot, target, input) {
    if (!origin._id || !target._id) return null;
    this.flush();
    try {
      const link = this.run(origin.graph, "Link", (change) =>
        connect(change, this.store.definitions, origin._id, slot, target._id, target.inputs[input].name));
      return link ? origin.graph.links.get(link.key) ?? null : null;
    } catch {
      return null;
    }
  }

  disconnect(graph, key) {
    const records = this.store.document.graphs.get(graph?._graphId)?.links.values() ?? [];
    const record = [...records].find((link) => link.key === Number(key));
    if (!record) return false;
    this.run(graph, "Disconnect", (change) => removeLinks(change, [record.id]));
    return true;
  }

  /** Links of later outputs move up when one is taken away. */
  removeOutput(node, slot) {
    if (!node._id) return;
    this.run(node.graph, "Remove output", (change) => {
      for (const link of change.graph.linksFrom(node._id)) if (link.slot > slot) change.put("link", { ...link, slot: link.slot - 1 });
    });
  }

  /** A pack adds a node that it made. */
  addNode(graph, node) {
    const definition = this.store.definitions.get(node.type) ?? this.typeRegistered(node.type, node.constructor);
    if (!definition) throw new Error(`there is no node type ${node.type}`);
    this.pending = node;
    this.run(graph, `Add ${definition.name}`, (change) => {
      const keys = new Set([...change.graph.nodes.values()].map((one) => one.key));
      const isFree = Number(node.id) > 0 && !keys.has(String(node.id));
      const key = String(isFree ? node.id : Math.max(0, ...[...keys].map((one) => Number(one) || 0)) + 1);
      const record = makeNode(definition, key, [Number(node.pos[0]), Number(node.pos[1])], change.graph.nodes.size + 1);
      change.put("node", { ...record, size: [Number(node.size[0]), Number(node.size[1])] });
    });
    this.pending = null;
    this.flush();
    return node;
  }

  removeNode(graph, node) {
    if (node?._id) this.run(graph, "Remove node", (change) => removeNodes(change, [node._id]));
  }

  clear(graph) {
    this.run(graph, "Clear", (change) => removeNodes(change, [...change.graph.nodes.keys()]));
  }

  addGroup(graph, group) {
    const record = this.run(graph, "Add group", (change) => addGroupTo(change, group));
    if (record) this.groups.set(record.id, Object.assign(group, { _id: record.id, id: record.key, graph }));
    return group;
  }

  // --- files and types

  workflow() {
    return this.app.workflow();
  }

  infoOf(node) {
    return infoFrom(this, node);
  }

  fillWidgets(node, info) {
    valuesOfFile(node, info, this.recordOf(node));
  }

  chooseImage(node) {
    const record = this.recordOf(node);
    if (record) this.app.actions.chooseImage(record);
  }

  /** A type that lives on the page only becomes known to the search and the canvas. */
  typeRegistered(type, base) {
    if (this.store.catalogue.has(type)) return this.store.catalogue.get(type);
    const definition = Object.freeze({
      type, name: base.title ?? type, category: base.skip_list ? "" : base.category ?? "", description: base.desc ?? "", module: "",
      inputs: [], outputs: [], isOutput: false, isVirtual: true, deprecated: false, experimental: false,
    });
    this.types.set(type, definition);
    this.store.definitions = new Map(this.store.definitions).set(type, definition);
    if (!this.typesWaiting) {
      this.typesWaiting = true;
      queueMicrotask(() => {
        this.typesWaiting = false;
        this.store.define(new Map([...this.store.catalogue, ...this.types]));
      });
    }
    return definition;
  }
}

function groupBy(entries) {
  const groups = new Map();
  for (const entry of entries) groups.set(entry.node._graphId, [...groups.get(entry.node._graphId) ?? [], entry]);
  return groups;
}
