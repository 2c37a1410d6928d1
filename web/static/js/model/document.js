/** The document: graphs of nodes, links and groups, changed only by patches that can be turned round. */

/** @import { AnyRecord, Floating, Group, Kept, Link, Node, Patch, RecordKind, Reroute, Subgraph } from "./types.js" */

export const ROOT = "root";

/** One graph: its records, and an index of links that every patch keeps up to date. */
export class Graph {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    /** @type {Map<string, Node>} */ this.nodes = new Map();
    /** @type {Map<string, Link>} */ this.links = new Map();
    /** @type {Map<string, Group>} */ this.groups = new Map();
    /** @type {Map<string, Reroute>} */ this.reroutes = new Map();
    /** @type {Map<string, Floating>} */ this.floating = new Map();
    /** @type {Map<string, Map<string, string>>} node id -> input name -> link id */ this.incoming = new Map();
    /** @type {Map<string, Set<string>>} node id -> ids of links that leave it */ this.outgoing = new Map();
  }

  /**
   * The link that ends in an input.
   * @param {string} node @param {string} input
   * @returns {Link | undefined}
   */
  linkInto(node, input) {
    const id = this.incoming.get(node)?.get(input);
    return id === undefined ? undefined : this.links.get(id);
  }

  /**
   * The links that end in a node.
   * @param {string} node
   * @returns {Link[]}
   */
  linksInto(node) {
    return [...(this.incoming.get(node)?.values() ?? [])].map((id) => /** @type {Link} */ (this.links.get(id)));
  }

  /**
   * The links that leave a node.
   * @param {string} node
   * @returns {Link[]}
   */
  linksFrom(node) {
    return [...(this.outgoing.get(node) ?? [])].map((id) => /** @type {Link} */ (this.links.get(id)));
  }

  /**
   * The node that files and prompts know under this key.
   * @param {string} key
   * @returns {Node | undefined}
   */
  nodeByKey(key) {
    for (const node of this.nodes.values()) if (node.key === key) return node;
    return undefined;
  }

  /** @param {Link} link */
  indexLink(link) {
    let inputs = this.incoming.get(link.to);
    if (!inputs) this.incoming.set(link.to, (inputs = new Map()));
    inputs.set(link.input, link.id);
    let outgoing = this.outgoing.get(link.from);
    if (!outgoing) this.outgoing.set(link.from, (outgoing = new Set()));
    outgoing.add(link.id);
  }

  /** @param {Link} link */
  forgetLink(link) {
    const inputs = this.incoming.get(link.to);
    if (inputs?.get(link.input) === link.id) inputs.delete(link.input);
    this.outgoing.get(link.from)?.delete(link.id);
  }
}

/** A workflow: its graphs, its name, and what its file said besides. */
export class Document {
  /** @param {string} id @param {Kept} kept */
  constructor(id, kept = {}) {
    this.id = id;
    this.kept = kept;
    /** @type {Map<string, Graph>} */ this.graphs = new Map([[ROOT, new Graph(ROOT)]]);
    /** @type {Map<string, Subgraph>} every graph but the root */ this.subgraphs = new Map();
    /** @type {Map<string, Readonly<{id: string, value: any}>>} */ this.meta = new Map();
  }

  /** The graph on the first level. */
  get root() {
    return /** @type {Graph} */ (this.graphs.get(ROOT));
  }

  /**
   * The records of one kind in one graph.
   * @param {string} graphId @param {RecordKind} kind
   * @returns {Map<string, AnyRecord>}
   */
  records(graphId, kind) {
    if (kind === "graph") return /** @type {Map<string, AnyRecord>} */ (this.subgraphs);
    const graph = this.graphs.get(graphId);
    if (!graph) throw new Error(`no graph ${graphId} in this document`);
    const { nodes, links, groups, reroutes, floating } = graph;
    const table = { node: nodes, link: links, reroute: reroutes, floating, group: groups, meta: this.meta }[kind];
    return /** @type {Map<string, AnyRecord>} */ (table);
  }

  /**
   * Applies one patch; the record must stand as the patch says it did before.
   * @param {Patch} patch
   */
  apply(patch) {
    const records = this.records(patch.graph, patch.kind);
    if (records.get(patch.id) !== patch.before) {
      throw new Error(`patch of ${patch.kind} ${patch.id} does not fit the document`);
    }
    if (patch.kind === "graph") this.applyGraph(patch);
    const graph = /** @type {Graph} */ (this.graphs.get(patch.graph));
    if (patch.kind === "link" && patch.before) graph.forgetLink(/** @type {Link} */ (patch.before));
    if (patch.after === undefined) records.delete(patch.id);
    else records.set(patch.id, patch.after);
    if (patch.kind === "link" && patch.after) graph.indexLink(/** @type {Link} */ (patch.after));
  }

  /** Makes or removes the graph that a record stands for. @param {Patch} patch */
  applyGraph({ id, before, after }) {
    if (!before) this.graphs.set(id, new Graph(id));
    else if (!after) this.graphs.delete(id);
  }
}

/**
 * The patches that undo these, in the order in which they must be applied.
 * @param {readonly Patch[]} patches
 * @returns {Patch[]}
 */
export function inverse(patches) {
  return patches.map((patch) => ({ ...patch, before: patch.after, after: patch.before })).reverse();
}

/** Collects the patches of one command while it is applied; taken back whole when the command fails. */
export class Transaction {
  /** @param {Document} document @param {string} graphId */
  constructor(document, graphId = ROOT) {
    this.document = document;
    this.graphId = graphId;
    /** @type {Patch[]} */ this.patches = [];
  }

  /**
   * The same transaction for another graph of the document.
   * @param {string} graphId
   * @returns {Transaction}
   */
  at(graphId) {
    const other = new Transaction(this.document, graphId);
    other.patches = this.patches;
    return other;
  }

  /** The graph that this transaction changes. */
  get graph() {
    return /** @type {Graph} */ (this.document.graphs.get(this.graphId));
  }

  /**
   * Adds a record or puts it in the place of the one with the same id.
   * @param {RecordKind} kind @param {AnyRecord} record
   */
  put(kind, record) {
    const before = this.document.records(this.graphId, kind).get(record.id);
    if (before === record) return;
    this.record({ graph: kind === "graph" ? record.id : this.graphId, kind, id: record.id, before, after: Object.freeze(record) });
  }

  /**
   * Removes a record that may be there.
   * @param {RecordKind} kind @param {string} id
   */
  remove(kind, id) {
    const before = this.document.records(this.graphId, kind).get(id);
    if (before) this.record({ graph: kind === "graph" ? id : this.graphId, kind, id, before, after: undefined });
  }

  /**
   * The node, which must be there.
   * @param {string} id
   * @returns {Node}
   */
  node(id) {
    const node = this.graph.nodes.get(id);
    if (!node) throw new Error(`no node ${id} in this graph`);
    return node;
  }

  /** Takes back everything done so far. */
  rollback() {
    for (const patch of inverse(this.patches)) this.document.apply(patch);
    this.patches.length = 0;
  }

  /** @param {Patch} patch */
  record(patch) {
    this.document.apply(patch);
    this.patches.push(patch);
  }
}
