/** From the document to the legacy nodes: makes them for records, passes on what changed, tells packs of it. */

import { isBoundary } from "../js/model/commands.js";
import { setFace } from "../js/model/faces.js";
import { slotsOf } from "../js/model/slots.js";
import { LGraph } from "./graph.js";
import { LLink } from "./link.js";
import { LiteGraph } from "./litegraph.js";
import { LGraphNode } from "./node.js";
import { attempt, invoke, page } from "./page.js";
import { follow, inputName, rememberBase, takeFields, takeValues } from "./sync.js";
import { genericSlots, infoFrom } from "./files.js";

const INPUT = 1;
const OUTPUT = 2;

/** The half of the host that listens. */
export class Following {
  constructor() {
    const { app } = page;
    this.app = app;
    this.store = app.store;
    this.rootGraph = new LGraph();
    /** @type {Map<string, LGraph>} by the id of the document's graph */ this.graphs = new Map([["root", this.rootGraph]]);
    /** @type {Map<string, any>} legacy nodes by record id */ this.byId = new Map();
    /** @type {Map<any, any>} the record that each node has seen */ this.seen = new Map();
    /** @type {Map<string, any>} */ this.groups = new Map();
    this.isReplaying = false;
    this.isFlushing = false;
    this.reacting = 0;
    /** @type {any} the node that a pack adds itself */ this.pending = null;
  }

  /** Makes all nodes anew, as when a workflow was opened. */
  load() {
    const { comfy } = page;
    for (const node of this.byId.values()) invoke(node, "onRemoved");
    for (const id of this.byId.keys()) setFace(id, null);
    this.byId.clear();
    this.seen.clear();
    this.groups.clear();
    this.graphs.clear();
    this.rootGraph.clearTables();
    this.graphs.set("root", this.rootGraph);
    this.rootGraph.extra = this.store.document.kept.extra ?? {};
    const json = this.app.workflow();
    comfy.configuringGraph = true;
    comfy.hook("beforeConfigureGraph", json, []);
    this.reacting += 1;
    const made = [...this.store.document.graphs.values()].flatMap((graph) => this.loadGraph(graph));
    for (const node of made) attempt(`${node.type}.configure`, () => node.configure(infoFrom(this, node)));
    for (const node of made) invoke(node, "onGraphConfigured");
    for (const node of made) comfy.hook("loadedGraphNode", node);
    for (const node of made) invoke(node, "onAfterGraphConfigured");
    invoke(this.rootGraph, "onConfigure", json);
    comfy.configuringGraph = false;
    comfy.hook("afterConfigureGraph", []);
    this.isAllDirty = true;
    this.flush();
    this.reacting -= 1;
    page.api?.dispatchCustomEvent("graphChanged", json);
  }

  /** @param {any} graph of the document */
  loadGraph(graph) {
    const own = this.graphOf(graph.id);
    for (const link of graph.links.values()) this.addLink(own, graph, link, false);
    return [...graph.nodes.values()].filter((record) => !isBoundary(record)).map((record) => this.adopt(own, graph, record));
  }

  graphOf(id) {
    let graph = this.graphs.get(id);
    if (!graph) {
      graph = new LGraph();
      graph._graphId = id;
      graph.id = id;
      this.graphs.set(id, graph);
      this.rootGraph.subgraphs.set(id, graph);
    }
    return graph;
  }

  /** Makes the node for a record and puts it in its graph. */
  adopt(own, graph, record) {
    let node = this.pending;
    this.pending = null;
    const isOwn = node !== null;
    if (!isOwn) {
      this.making = record;
      node = LiteGraph.createNode(record.type) ?? generic(this.store, record);
      this.making = null;
    }
    node.id = /^\d+$/.test(record.key) ? Number(record.key) : record.key;
    Object.assign(node, { _id: record.id, _graphId: graph.id, graph: own });
    own._nodes.push(node);
    own._nodes_by_id[node.id] = node;
    this.byId.set(record.id, node);
    this.seen.set(node, record);
    if (!isOwn) {
      takeFields(node, record, this.store.definitions);
      takeValues(node, record);
    } else if (node.pos) this.dirty.add(node);
    this.refreshLinks(node, graph);
    invoke(node, "onAdded", own);
    invoke(own, "onNodeAdded", node);
    this.stir(node);
    return node;
  }

  /** Sets which links the slots of a node hold. */
  refreshLinks(node, graph) {
    for (const input of node.inputs ?? []) input.link = graph.linkInto(node._id, inputName(node, input))?.key ?? null;
    const leaving = graph.linksFrom(node._id);
    (node.outputs ?? []).forEach((output, index) => {
      const links = leaving.filter((link) => link.slot === index).map((link) => link.key);
      output.links = links.length > 0 ? links : null;
    });
  }

  /** @param {any} change of the store */
  react(change) {
    if (this.isFlushing) return this.takeSeen(change);
    const { reason } = change;
    if (reason === "open" || reason === "show") return this.load();
    if (reason === "enter" || reason === "faces") return undefined;
    if (reason === "definitions") return this.refreshWords();
    if (change.patches.length === 0) return undefined;
    this.reacting += 1;
    this.isReplaying = reason === "undo" || reason === "redo";
    try {
      this.apply(change.patches);
    } finally {
      if (this.isReplaying) this.obey();
      else this.flush();
      this.isReplaying = false;
      this.reacting -= 1;
    }
    page.api?.dispatchCustomEvent("graphChanged", null);
    return undefined;
  }

  /** @param {readonly any[]} patches */
  apply(patches) {
    const links = patches.filter((patch) => patch.kind === "link");
    for (const patch of links) if (patch.before) this.dropLink(patch);
    const nodes = patches.filter((patch) => patch.kind === "node");
    // A node that goes into a subgraph or comes out of one leaves first.
    for (const patch of nodes) if (patch.before && !patch.after) this.removed(patch);
    for (const patch of nodes) {
      if (!patch.before && patch.after) this.added(patch);
      else if (patch.before && patch.after) this.followed(patch);
    }
    for (const patch of links) {
      const graph = patch.after && this.store.document.graphs.get(patch.graph);
      if (graph) this.addLink(this.graphOf(patch.graph), graph, patch.after, true);
    }
  }

  added({ graph: graphId, after }) {
    const graph = this.store.document.graphs.get(graphId);
    if (!graph || isBoundary(after) || this.byId.has(after.id)) return;
    const isCopy = this.pending === null && (after.kept.properties !== undefined || after.inputs.length > 0);
    const node = this.adopt(this.graphOf(graphId), graph, after);
    if (isCopy) attempt(`${node.type}.configure`, () => node.configure(infoFrom(this, node)));
  }

  removed({ graph: graphId, before }) {
    const node = this.byId.get(before.id);
    if (!node) return;
    const graph = this.graphOf(graphId);
    graph._nodes.splice(graph._nodes.indexOf(node), 1);
    delete graph._nodes_by_id[node.id];
    this.byId.delete(before.id);
    this.seen.delete(node);
    setFace(before.id, null);
    for (const widget of node.widgets ?? []) invoke(widget, "onRemove");
    invoke(node, "onRemoved");
    invoke(graph, "onNodeRemoved", node);
    node.graph = null;
    page.mounts?.forget(node);
  }

  followed({ after }) {
    const node = this.byId.get(after.id);
    const before = node && this.seen.get(node);
    if (!node || before === after) return;
    this.seen.set(node, after);
    follow(node, before, after);
  }

  addLink(own, graph, record, isTold) {
    const [from, to] = [graph.nodes.get(record.from), graph.nodes.get(record.to)];
    if (!from || !to) return;
    const key = (one) => (/^-?\d+$/.test(one.key) ? Number(one.key) : one.key);
    const target = this.byId.get(record.to);
    const slot = target ? slotOf(target, record.input) : to.inputs.findIndex((input) => input.name === record.input);
    const link = new LLink(record.key, record.type, key(from), record.slot, key(to), slot);
    own.links.set(record.key, link);
    if (!isTold) return;
    const origin = this.byId.get(record.from);
    for (const node of [origin, target]) if (node) this.refreshLinks(node, graph);
    this.tellLink(target, INPUT, slot, true, link);
    this.tellLink(origin, OUTPUT, record.slot, true, link);
  }

  dropLink({ graph: graphId, before }) {
    const own = this.graphOf(graphId);
    const link = own.links.get(before.key);
    if (!link) return;
    own.links.delete(before.key);
    const graph = this.store.document.graphs.get(graphId);
    const [origin, target] = [this.byId.get(before.from), this.byId.get(before.to)];
    for (const node of [origin, target]) if (node && graph) this.refreshLinks(node, graph);
    this.tellLink(target, INPUT, target ? slotOf(target, before.input) : -1, false, link);
    this.tellLink(origin, OUTPUT, before.slot, false, link);
  }

  tellLink(node, side, slot, isConnected, link) {
    if (node) invoke(node, "onConnectionsChange", side, slot, isConnected, link, (side === INPUT ? node.inputs : node.outputs)?.[slot]);
  }

  /** After undo and redo the document is right, whatever packs made of it meanwhile. */
  obey() {
    for (const [node] of this.seen) {
      const record = this.recordOf(node);
      if (!record) continue;
      takeFields(node, record, this.store.definitions);
      takeValues(node, record);
    }
  }

  /** New file lists: the words of drop-downs follow, and packs are asked to follow theirs. */
  refreshWords() {
    const { definitions, catalogue } = this.store;
    if ([...this.types.keys()].some((type) => !catalogue.has(type))) return this.store.define(new Map([...catalogue, ...this.types]));
    for (const node of this.byId.values()) {
      for (const input of definitions.get(node.type)?.inputs ?? []) {
        const widget = input.widget?.kind === "combo" && node.widgets?.find((one) => one.name === input.name);
        if (widget && Array.isArray(widget.options.values)) widget.options.values = input.widget.options;
      }
    }
    page.comfy?.hook("refreshComboInNodes", page.comfy.defs);
    return this.stir();
  }
}

/** The index of the input that the document knows under a name. */
function slotOf(node, name) {
  return (node.inputs ?? []).findIndex((input) => inputName(node, input) === name);
}

/** A node of a type that no class is known for: subgraphs, and what is missing. */
function generic(store, record) {
  const node = new LGraphNode(record.title ?? record.type);
  node.type = record.type;
  genericSlots(node, slotsOf(store.definitions, record));
  rememberBase(node);
  return node;
}
