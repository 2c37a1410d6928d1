/** The open graph as the canvas needs it: shapes, what is visible, what is on top. */

/** @import { Bounds, Link, Node } from "../model/types.js" */
/** @import { Change, Store } from "../model/store.js" */
/** @import { Shape } from "./shape.js" */

import { SpatialIndex, overlap, union } from "./spatial.js";
import { curve, curveBounds } from "./curve.js";
import { inputPoint, outputPoint, shapeOf } from "./shape.js";

/** An index of the open graph, kept up to date by the store's changes. */
export class Scene {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    this.index = new SpatialIndex();
    this.rebuild();
    store.listen((change) => this.follow(change));
  }

  /** @param {Change} change */
  follow(change) {
    if (change.reason === "open" || change.reason === "definitions") return this.rebuild();
    for (const patch of change.patches) {
      if (patch.kind !== "node") continue;
      const node = this.store.graph.nodes.get(patch.id);
      if (node) this.index.set(node.id, this.shape(node).bounds);
      else this.index.remove(patch.id);
    }
  }

  /** Reads the whole graph again. */
  rebuild() {
    this.index.clear();
    for (const node of this.store.graph.nodes.values()) this.index.set(node.id, this.shape(node).bounds);
  }

  /** @param {Node} node @returns {Shape} */
  shape(node) {
    return shapeOf(this.store.definitions, node);
  }

  /**
   * Nodes in some bounds, lowest first.
   * @param {Bounds} bounds
   * @returns {Node[]}
   */
  nodesIn(bounds) {
    const nodes = [];
    for (const id of this.index.query(bounds)) {
      const node = this.store.graph.nodes.get(id);
      if (node) nodes.push(node);
    }
    return nodes.sort((one, other) => one.z - other.z);
  }

  /**
   * The curve of a link, or null when an end is missing.
   * @param {Link} link
   */
  curveOf(link) {
    const from = this.store.graph.nodes.get(link.from);
    const to = this.store.graph.nodes.get(link.to);
    if (!from || !to) return null;
    return curve(outputPoint(this.shape(from), link.slot), inputPoint(this.shape(to), link.input));
  }

  /**
   * Links that may be seen in some bounds, with their curves.
   * @param {Bounds} bounds
   */
  linksIn(bounds) {
    const found = [];
    for (const link of this.store.graph.links.values()) {
      const points = this.curveOf(link);
      if (points && overlap(curveBounds(points), bounds)) found.push({ link, points });
    }
    return found;
  }

  /**
   * Bounds around some nodes, or around everything.
   * @param {Iterable<string> | null} ids
   * @returns {Bounds | null}
   */
  bounds(ids = null) {
    const graph = this.store.graph;
    const nodes = ids ? [...ids].map((id) => graph.nodes.get(id)).filter((node) => node !== undefined) : [...graph.nodes.values()];
    const all = nodes.map((node) => this.shape(node).bounds);
    if (!ids) for (const group of graph.groups.values()) all.push(group.bounds);
    return union(all);
  }
}
