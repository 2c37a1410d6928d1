/** Nodes, reroutes and groups are being dragged, or copies of them (Alt); with Shift they keep to the grid. */

/** @import { Chart, Pointer, State } from "./chart.js" */
/** @import { Bounds, Point } from "../../model/types.js" */

import { addCopies, moveNodes, moveReroutes, raiseNodes, setGroup } from "../../model/commands.js";
import { isPinned } from "../../model/looks.js";
import { roomAfter } from "../../model/room.js";
import { insertNodeOnLink, placeOnLink } from "../../model/wiring.js";
import { distanceTo } from "../curve.js";
import { contains, holds } from "../spatial.js";

/** @param {Chart} chart @returns {State} */
export function translating(chart) {
  return new Translating(chart);
}

/** The state between the first move and the release. */
class Translating {
  /** @param {Chart} chart */
  constructor(chart) {
    this.chart = chart;
    this.view = chart.view;
    this.cursor = "grabbing";
    this.followsEdges = true;
    this.gesture = "";
    /** @type {readonly [number, number]} */ this.origin = [0, 0];
    /** @type {Map<string, Point>} */ this.nodes = new Map();
    /** @type {Map<string, Point>} */ this.reroutes = new Map();
    /** @type {Map<string, Bounds>} */ this.frames = new Map();
  }

  /** @param {{pressed: Pointer, pointer: Pointer, gesture?: string | null}} info */
  enter({ pressed, pointer, gesture }) {
    const { view } = this;
    const { graph } = view.store;
    this.gesture = gesture ?? this.chart.newGesture();
    this.origin = pressed.world;
    this.frames = new Map();
    let ids = [...view.selection];
    let points = [...view.chosenReroutes];
    if (pressed.hit.kind === "group") [ids, points] = this.takeGroup(pressed.hit.group.id, pressed.control);
    else if (pressed.alt && gesture == null && ids.length > 0) [ids, points] = [this.copy(ids), []];
    ids = ids.filter((id) => !isPinned(graph.nodes.get(id)));
    if (ids.length > 0) view.store.run("Move", (change) => raiseNodes(change, ids), this.gesture);
    this.nodes = new Map(ids.map((id) => [id, /** @type {Point} */ (graph.nodes.get(id)?.position)]));
    this.reroutes = new Map(points.map((id) => [id, /** @type {Point} */ (graph.reroutes.get(id)?.position)]));
    this.move(pointer);
  }

  /** @param {string} id @param {boolean} isFrameOnly @returns {[string[], string[]]} the nodes and reroutes that move along */
  takeGroup(id, isFrameOnly) {
    const { store, scene } = this.view;
    const { graph } = store;
    const bounds = graph.groups.get(id)?.bounds;
    if (!bounds) return [[], []];
    this.frames.set(id, bounds);
    if (isFrameOnly) return [[], []];
    for (const group of graph.groups.values()) if (contains(bounds, group.bounds)) this.frames.set(group.id, group.bounds);
    const nodes = scene.nodesIn(bounds).filter((node) => contains(bounds, scene.shape(node).bounds));
    const reroutes = scene.reroutesIn(bounds).filter(({ position }) => holds(bounds, position[0], position[1]));
    return [nodes.map((node) => node.id), reroutes.map((reroute) => reroute.id)];
  }

  /** @param {readonly string[]} ids @returns {string[]} ids of the copies */
  copy(ids) {
    const { store } = this.view;
    const chosen = new Set(ids);
    const nodes = ids.flatMap((id) => store.graph.nodes.get(id) ?? []);
    const links = [...store.graph.links.values()].filter((link) => chosen.has(link.to));
    const copies = store.run("Duplicate", (change) => addCopies(change, nodes, links, [0, 0]), this.gesture);
    this.view.select(copies);
    return copies;
  }

  /** @param {Pointer} pointer */
  move(pointer) {
    const { view } = this;
    const [dx, dy] = this.distance(pointer);
    const shifted = (/** @type {Map<string, Point>} */ starts) =>
      new Map([...starts].map(([id, [x, y]]) => [id, /** @type {Point} */ ([x + dx, y + dy])]));
    view.store.run("Move", (change) => {
      moveNodes(change, shifted(this.nodes));
      moveReroutes(change, shifted(this.reroutes));
      for (const [id, [x, y, width, height]] of this.frames) setGroup(change, id, { bounds: [x + dx, y + dy, width, height] });
    }, this.gesture);
    this.showDrop(pointer.control ? null : this.linkBelow(pointer));
  }

  /** @param {Pointer} pointer @returns {[number, number]} how far everything moves, on the grid where that is wanted */
  distance({ world, shift }) {
    const { grid, snaps } = this.view.choices;
    const dx = world[0] - this.origin[0];
    const dy = world[1] - this.origin[1];
    if (shift === snaps) return [Math.round(dx), Math.round(dy)];
    const [anchor] = [...this.nodes.values(), ...this.reroutes.values(), ...this.frames.values()];
    if (!anchor) return [0, 0];
    const snapped = (/** @type {number} */ from, /** @type {number} */ by) => Math.round((from + by) / grid) * grid - from;
    return [snapped(anchor[0], dx), snapped(anchor[1], dy)];
  }

  /** @param {Pointer} pointer @returns {string | null} the link into which the one dragged node would be put */
  linkBelow({ world }) {
    if (this.nodes.size !== 1 || this.frames.size > 0) return null;
    const { scene, store } = this.view;
    const [id] = this.nodes.keys();
    const node = store.graph.nodes.get(id);
    if (!node || store.graph.linksInto(id).length + store.graph.linksFrom(id).length > 0) return null;
    const { bounds } = scene.shape(node);
    let nearest = Infinity;
    let found = null;
    for (const { link, path } of scene.linksIn(bounds)) {
      const distance = Math.min(...path.map((points) => distanceTo(points, world[0], world[1], scene.style)));
      if (distance < Math.min(nearest, bounds[3]) && placeOnLink(store.graph, store.definitions, id, link.id)) {
        [nearest, found] = [distance, link.id];
      }
    }
    return nearest < 40 ? found : null;
  }

  /** @param {string | null} link */
  showDrop(link) {
    const { view } = this;
    if (view.dropLink === link) return;
    for (const id of [view.dropLink, link]) {
      const bounds = id === null ? undefined : view.scene.links.entries.get(id)?.bounds;
      if (bounds) view.redrawPart(bounds);
    }
    view.dropLink = link;
  }

  /** Puts the node on the link below it, if there is one, and shifts what follows. */
  insert() {
    const { dropLink, store, scene } = this.view;
    const [id] = this.nodes.keys();
    if (dropLink === null || id === undefined) return;
    store.run("Insert node", (change) => {
      insertNodeOnLink(change, store.definitions, id, dropLink);
      moveNodes(change, roomAfter(change.graph, (node) => scene.shape(node).bounds, id));
    }, this.gesture);
  }

  /** The drag ends. */
  up() {
    this.insert();
    this.view.store.history.seal();
    this.chart.go("idle");
  }

  /** Takes everything back. */
  cancel() {
    this.view.store.abandon(this.gesture);
  }

  /** Nothing is above a link any more. */
  exit() {
    this.showDrop(null);
  }
}
