/** The open graph as the canvas needs it: shapes, what is visible, what is on top. */

/** @import { Bounds, Link, Node } from "../model/types.js" */
/** @import { Change, Store } from "../model/store.js" */
/** @import { Shape } from "./shape.js" */

import { SpatialIndex, union } from "./spatial.js";
import { curve, curveBounds } from "./curve.js";
import { inputPoint, outputPoint, shapeOf } from "./shape.js";

/** @typedef {Readonly<{link: Link, points: ReturnType<typeof curve>}>} PlacedLink */

/** An index of the open graph, kept up to date by the store's changes. */
export class Scene {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    this.nodes = new SpatialIndex();
    this.links = new SpatialIndex();
    /** @type {Map<string, PlacedLink>} */ this.placed = new Map();
    /** @type {Bounds[] | null} what changes touched since it was last asked for; null is everything */ this.touched = null;
    this.rebuild();
    store.listen((change) => this.follow(change));
  }

  /** @param {Change} change */
  follow(change) {
    if (change.reason === "open" || change.reason === "enter" || change.reason === "definitions") return this.rebuild();
    const { graph } = this.store;
    /** @type {Set<string>} */
    const links = new Set();
    for (const patch of change.patches) {
      if (patch.graph !== graph.id) continue;
      if (patch.kind === "link") links.add(patch.id);
      if (patch.kind === "group") for (const group of [patch.before, patch.after]) if (group && "bounds" in group) this.touch(group.bounds);
      if (patch.kind !== "node") continue;
      const node = graph.nodes.get(patch.id);
      for (const record of [patch.before, node]) if (record && "position" in record) this.touch(this.shape(/** @type {Node} */ (record)).bounds);
      if (node) this.nodes.set(node.id, this.shape(node).bounds);
      else this.nodes.remove(patch.id);
      for (const link of [...graph.linksInto(patch.id), ...graph.linksFrom(patch.id)]) links.add(link.id);
    }
    for (const id of links) this.placeLink(id);
  }

  /** @param {Bounds | undefined} bounds */
  touch(bounds) {
    if (bounds) this.touched?.push(bounds);
  }

  /** @returns {Bounds[] | null} what changes touched since this was last asked; null is everything */
  takeTouched() {
    const { touched } = this;
    this.touched = [];
    return touched;
  }

  /** Reads the whole graph again. */
  rebuild() {
    this.touched = null;
    this.nodes.clear();
    this.links.clear();
    this.placed.clear();
    const { graph } = this.store;
    for (const node of graph.nodes.values()) this.nodes.set(node.id, this.shape(node).bounds);
    for (const id of graph.links.keys()) this.placeLink(id);
  }

  /** @param {string} id */
  placeLink(id) {
    const link = this.store.graph.links.get(id);
    const points = link && this.curveOf(link);
    this.touch(this.links.entries.get(id)?.bounds);
    if (link && points) {
      this.placed.set(id, { link, points });
      this.links.set(id, curveBounds(points));
      this.touch(this.links.entries.get(id)?.bounds);
    } else {
      this.placed.delete(id);
      this.links.remove(id);
    }
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
    for (const id of this.nodes.query(bounds)) {
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
   * @returns {PlacedLink[]}
   */
  linksIn(bounds) {
    const found = [];
    for (const id of this.links.query(bounds)) {
      const placed = this.placed.get(id);
      if (placed) found.push(placed);
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
