/** A link is being drawn from a socket, or one that was there is held by its end. */

/** @import { Chart, Pointer, State } from "./chart.js" */
/** @import { Link, Point } from "../../model/types.js" */
/** @import { Linking } from "../view.js" */

import { connect, removeLinks } from "../../model/commands.js";
import { inputPoint, outputPoint } from "../shape.js";
import { checkLink } from "../../model/validate.js";

const THRESHOLD = 5;

/** @param {Chart} chart @returns {State} */
export function linking(chart) {
  return new LinkingState(chart);
}

/** The state between the press on a socket and the release. */
class LinkingState {
  /** @param {Chart} chart */
  constructor(chart) {
    this.chart = chart;
    this.view = chart.view;
    this.cursor = "crosshair";
    /** @type {[number, number]} where the press was, on the screen */ this.origin = [0, 0];
    /** @type {Link[]} links that are in the hand */ this.held = [];
    this.moved = false;
  }

  /** @param {Pointer} pointer */
  enter(pointer) {
    this.origin = pointer.screen;
    this.held = [];
    this.moved = false;
    if (pointer.control && pointer.alt) return unlink(this.chart, pointer);
    this.view.linking = this.begin(pointer);
    if (!this.view.linking) return this.chart.go("idle");
    this.view.redraw();
  }

  /** @param {Pointer} pointer */
  move(pointer) {
    const [x, y] = this.origin;
    if (!this.moved && Math.hypot(pointer.screen[0] - x, pointer.screen[1] - y) < THRESHOLD) return;
    if (!this.moved && this.held.length === 1) {
      this.view.hiddenLink = this.held[0].id;
      this.view.redraw();
    }
    this.moved = true;
    const current = this.view.linking;
    if (!current) return;
    const blank = { at: pointer.world, snap: null, target: null, refusal: null };
    this.view.linking = { ...current, ...blank, ...findTarget(this.chart, pointer, current) };
    this.view.look();
  }

  /** @param {Pointer} pointer */
  up(pointer) {
    const done = this.view.linking;
    const { held, moved } = this;
    this.chart.go("idle");
    if (!moved || !done) return;
    if (done.refusal) return this.chart.actions.refuse(done.refusal);
    const onNode = "node" in pointer.hit;
    if (done.target || (held.length > 0 && !onNode)) return this.land(done);
    if (!onNode) this.chart.actions.search({ at: pointer.world, screen: pointer.screen, linking: done });
  }

  /** Shows the graph as it is. */
  exit() {
    this.view.linking = null;
    this.view.hiddenLink = null;
    this.view.redraw();
  }

  /** @param {Pointer} pointer @returns {Linking | null} what a press on a socket takes into the hand */
  begin(pointer) {
    const { hit } = pointer;
    const graph = this.view.store.graph;
    const blank = { at: pointer.world, snap: null, target: null, refusal: null };
    if (hit.kind === "input") {
      const { slot, x, y } = hit.place;
      const present = graph.linkInto(hit.node.id, slot.name);
      if (!present || pointer.shift) {
        return { ...blank, fromOutput: false, type: slot.type, ends: [{ node: hit.node.id, slot: -1, input: slot.name }], starts: [[x, y]] };
      }
      this.held = [present];
      const ends = [{ node: present.from, slot: present.slot, input: "" }];
      return { ...blank, fromOutput: true, type: present.type, ends, starts: [this.startOf(present)] };
    }
    if (hit.kind !== "output") return null;
    const { slot, x, y } = hit.place;
    if (pointer.shift) this.held = graph.linksFrom(hit.node.id).filter((link) => link.slot === slot.index);
    if (this.held.length === 0) {
      return { ...blank, fromOutput: true, type: slot.type, ends: [{ node: hit.node.id, slot: slot.index, input: "" }], starts: [[x, y]] };
    }
    const ends = this.held.map((link) => ({ node: link.to, slot: -1, input: link.input }));
    return { ...blank, fromOutput: false, type: slot.type, ends, starts: this.held.map((link) => this.endOf(link)) };
  }

  /** @param {Link} link @returns {Point} */
  startOf(link) {
    const node = this.view.store.graph.nodes.get(link.from);
    return node ? outputPoint(this.view.scene.shape(node), link.slot) : [0, 0];
  }

  /** @param {Link} link @returns {Point} */
  endOf(link) {
    const node = this.view.store.graph.nodes.get(link.to);
    return node ? inputPoint(this.view.scene.shape(node), link.input) : [0, 0];
  }

  /** @param {Linking} done */
  land({ target, ends, fromOutput }) {
    const { store } = this.view;
    const ids = this.held.map((link) => link.id);
    store.run(target ? "Connect" : "Disconnect", (change) => {
      removeLinks(change, ids);
      if (!target) return;
      for (const end of ends) {
        if (fromOutput) connect(change, store.definitions, end.node, end.slot, target.node, target.input);
        else connect(change, store.definitions, target.node, target.slot, end.node, end.input);
      }
    });
  }
}

/**
 * The socket that the link would take where the pointer is: the one pointed at, else the nearest of the node that fits.
 * @param {Chart} chart @param {Pointer} pointer @param {Linking} current
 * @returns {Partial<Linking>}
 */
function findTarget({ view }, { hit, world }, current) {
  if (!("node" in hit)) return {};
  const { graph, definitions } = view.store;
  const fixed = current.ends[0];
  const shape = view.scene.shape(hit.node);
  const pointed = "place" in hit ? hit.place.slot.name : null;
  const isPointed = (/** @type {{slot: {name: string}}} */ place) => Number(place.slot.name === pointed);
  const places = [...(current.fromOutput ? shape.inputs : shape.outputs)].sort((one, other) =>
    isPointed(other) - isPointed(one) || Math.abs(one.y - world[1]) - Math.abs(other.y - world[1]));
  /** @type {string | null} */
  let refusal = null;
  for (const place of places) {
    const end = { node: hit.node.id, slot: "index" in place.slot ? place.slot.index : -1, input: place.slot.name };
    const verdict = current.fromOutput
      ? checkLink(graph, definitions, fixed.node, fixed.slot, end.node, end.input)
      : checkLink(graph, definitions, end.node, end.slot, fixed.node, fixed.input);
    if (verdict.ok) return { snap: [place.x, place.y], target: end };
    refusal ??= verdict.reason;
    if (isPointed(place)) break;
  }
  return { refusal: hit.node.id === fixed.node ? null : refusal };
}

/** @param {Chart} chart @param {Pointer} pointer */
function unlink(chart, pointer) {
  const { hit } = pointer;
  const graph = chart.view.store.graph;
  if (hit.kind === "input") {
    const link = graph.linkInto(hit.node.id, hit.place.slot.name);
    if (link) chart.view.store.run("Disconnect", (change) => removeLinks(change, [link.id]));
  } else if (hit.kind === "output") {
    const links = graph.linksFrom(hit.node.id).filter((link) => link.slot === hit.place.slot.index);
    chart.view.store.run("Disconnect", (change) => removeLinks(change, links.map((link) => link.id)));
  }
  chart.go("idle");
}
