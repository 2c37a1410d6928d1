/** The open graph as the canvas needs it: shapes, what is visible, what is on top. */

/** @import { Bounds, Floating, Link, Node, Point, Reroute } from "../model/types.js" */
/** @import { Change, Store } from "../model/store.js" */
/** @import { LinkStyle, Segment } from "./curve.js" */
/** @import { Shape } from "./shape.js" */

import { chainOf } from "../model/reroutes.js";
import { pillsOf } from "./pills.js";
import { SpatialIndex, union } from "./spatial.js";
import { pathBounds, route } from "./curve.js";
import { inputPoint, outputPoint, shapeOf } from "./shape.js";

/** @typedef {Readonly<{link: Link, path: readonly Segment[]}>} PlacedLink */
/** @typedef {Readonly<{link: Floating, path: readonly Segment[]}>} PlacedEnd a link of which one end is gone */

/** How far from its middle a reroute is painted. */
export const REROUTE = 7;

/** An index of the open graph, kept up to date by the store's changes. */
export class Scene {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    this.nodes = new SpatialIndex();
    this.links = new SpatialIndex();
    this.reroutes = new SpatialIndex();
    /** @type {LinkStyle} */ this.style = "spline";
    /** @type {Map<string, PlacedLink>} */ this.placed = new Map();
    /** @type {Map<string, PlacedEnd>} */ this.floating = new Map();
    /** @type {Map<string, Set<string>>} reroute -> links that are led through it */ this.through = new Map();
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
    let isLoose = false;
    for (const patch of change.patches) {
      if (patch.graph !== graph.id) continue;
      isLoose ||= patch.kind === "floating" || (graph.floating.size > 0 && patch.kind !== "meta");
      if (patch.kind === "link") {
        links.add(patch.id);
        for (const link of [patch.before, patch.after]) if (link && "hidden" in link && link.hidden) this.followHidden(link.from, links);
      }
      if (patch.kind === "group") for (const group of [patch.before, patch.after]) if (group && "bounds" in group) this.touch(group.bounds);
      if (patch.kind === "reroute") {
        this.placeReroute(patch.id);
        for (const id of this.through.get(patch.id) ?? []) links.add(id);
      }
      if (patch.kind === "node") this.followNode(patch.id, /** @type {Node | undefined} */ (patch.before), links);
    }
    for (const id of links) this.placeLink(id);
    if (isLoose) this.placeFloating();
  }

  /** The labels of hidden links tell how many there are. @param {string} from @param {Set<string>} links that have to be placed again */
  followHidden(from, links) {
    this.touched = null;
    for (const link of this.store.graph.linksFrom(from)) if (link.hidden) links.add(link.id);
  }

  /** @param {string} id @param {Node | undefined} before @param {Set<string>} links that have to be placed again */
  followNode(id, before, links) {
    const { graph } = this.store;
    const node = graph.nodes.get(id);
    for (const record of [before, node]) if (record) this.touch(this.shape(record).bounds);
    if (node) this.nodes.set(node.id, this.shape(node).bounds);
    else this.nodes.remove(id);
    for (const link of [...graph.linksInto(id), ...graph.linksFrom(id)]) links.add(link.id);
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

  /** @param {LinkStyle} style of all links */
  setStyle(style) {
    this.style = style;
    this.rebuild();
  }

  /** Reads the whole graph again. */
  rebuild() {
    this.touched = null;
    for (const index of [this.nodes, this.links, this.reroutes]) index.clear();
    this.placed.clear();
    this.through.clear();
    const { graph } = this.store;
    for (const node of graph.nodes.values()) this.nodes.set(node.id, this.shape(node).bounds);
    for (const id of graph.links.keys()) this.placeLink(id);
    for (const id of graph.reroutes.keys()) this.placeReroute(id);
    this.placeFloating();
  }

  /** @param {string} id */
  placeReroute(id) {
    const reroute = this.store.graph.reroutes.get(id);
    this.touch(this.reroutes.entries.get(id)?.bounds);
    if (!reroute) return this.reroutes.remove(id);
    const [x, y] = reroute.position;
    this.reroutes.set(id, [x - REROUTE, y - REROUTE, 2 * REROUTE, 2 * REROUTE]);
    this.touch(this.reroutes.entries.get(id)?.bounds);
  }

  /** @param {string} id */
  placeLink(id) {
    const link = this.store.graph.links.get(id);
    const path = link && this.pathOf(link);
    this.touch(this.links.entries.get(id)?.bounds);
    if (!link || !path) {
      this.placed.delete(id);
      return this.links.remove(id);
    }
    this.placed.set(id, { link, path });
    const labels = link.hidden ? pillsOf(this, { link, path }).map(({ bounds }) => bounds) : [];
    this.links.set(id, /** @type {Bounds} */ (union([pathBounds(path), ...labels])));
    this.touch(this.links.entries.get(id)?.bounds);
  }

  /** Places all links of which one end is gone; there are few. */
  placeFloating() {
    for (const { path } of this.floating.values()) this.touch(pathBounds(path));
    this.floating.clear();
    const { graph } = this.store;
    for (const link of graph.floating.values()) {
      const places = /** @type {Point[]} */ (this.chain(link.via, null).map(({ position }) => position));
      const from = link.from === null ? undefined : graph.nodes.get(link.from);
      const to = link.to === null ? undefined : graph.nodes.get(link.to);
      if (from) places.unshift(outputPoint(this.shape(from), link.slot));
      if (to) places.push(inputPoint(this.shape(to), link.input));
      const path = route(places, this.style);
      if (path.length === 0) continue;
      this.floating.set(link.id, { link, path });
      this.touch(pathBounds(path));
    }
  }

  /**
   * The reroutes that lead to one; a link is remembered at each of them.
   * @param {string | null} via @param {string | null} link
   * @returns {Reroute[]}
   */
  chain(via, link) {
    if (via === null) return [];
    const chain = chainOf(this.store.graph, via);
    for (const { id } of link === null ? [] : chain) {
      const known = this.through.get(id);
      if (known) known.add(/** @type {string} */ (link));
      else this.through.set(id, new Set([/** @type {string} */ (link)]));
    }
    return chain;
  }

  /** @param {string} id @returns {string} the type of what is led through a reroute */
  typeAt(id) {
    const { graph } = this.store;
    for (const link of this.through.get(id) ?? []) {
      const present = graph.links.get(link);
      if (present && chainOf(graph, present.via).some((one) => one.id === id)) return present.type;
    }
    for (const link of graph.floating.values()) if (chainOf(graph, link.via).some((one) => one.id === id)) return link.type;
    return "*";
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

  /** @param {Bounds} bounds @returns {Reroute[]} */
  reroutesIn(bounds) {
    return [...this.reroutes.query(bounds)].flatMap((id) => this.store.graph.reroutes.get(id) ?? []);
  }

  /**
   * The way of a link through its reroutes, or null when an end is missing.
   * @param {Link} link
   * @returns {Segment[] | null}
   */
  pathOf(link) {
    const from = this.store.graph.nodes.get(link.from);
    const to = this.store.graph.nodes.get(link.to);
    if (!from || !to) return null;
    const between = this.chain(link.via, link.id).map(({ position }) => position);
    return route([outputPoint(this.shape(from), link.slot), ...between, inputPoint(this.shape(to), link.input)], this.style);
  }

  /**
   * Links that may be seen in some bounds, with their paths.
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
