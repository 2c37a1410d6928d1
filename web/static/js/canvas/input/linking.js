/** A link is being drawn from a socket, a reroute or another link, or one that was there is held by its end. */

/** @import { Chart, Pointer, State } from "./chart.js" */
/** @import { Link, Point } from "../../model/types.js" */
/** @import { Linking } from "../view.js" */

import { connect, removeLinks } from "../../model/commands.js";
import { chainOf, originOf } from "../../model/reroutes.js";
import { connectReroute, feedReroute, moveOutputLinks } from "../../model/wiring.js";
import { inputPoint, outputPoint } from "../shape.js";
import { findTarget } from "./targets.js";

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
    this.followsEdges = true;
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
    if (!this.moved && this.held.length > 0) {
      for (const link of this.held) this.view.held.add(link.id);
      this.view.redraw();
    }
    this.moved = true;
    const current = this.view.linking;
    if (!current) return;
    const blank = { at: pointer.world, snap: null, target: null, refusal: null };
    this.view.linking = { ...current, ...blank, ...findTarget(this.view, pointer, current) };
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
    if (done.target || (held.length === 1 && !onNode)) return this.land(done, held);
    if (onNode || held.length > 0) return;
    const where = { at: pointer.world, screen: pointer.screen, linking: done };
    if ((this.view.choices.linkMenu === "menu") !== pointer.shift) this.chart.actions.linkMenu(where);
    else this.chart.actions.search(where);
  }

  /** Shows the graph as it is. */
  exit() {
    this.view.linking = null;
    this.view.held.clear();
    this.view.redraw();
  }

  /** @param {Pointer} pointer @returns {Linking | null} what a press takes into the hand */
  begin(pointer) {
    const { hit } = pointer;
    const { graph } = this.view.store;
    if (hit.kind === "link") return this.branch(pointer, hit.link, chainOf(graph, hit.link.via)[hit.segment - 1]?.id ?? null);
    if (hit.kind === "reroute") return this.fromReroute(pointer, hit.reroute);
    if (hit.kind === "output") return this.fromOutput(pointer, hit);
    if (hit.kind !== "input") return null;
    const { slot, x, y } = hit.place;
    const present = graph.linkInto(hit.node.id, slot.name);
    if (!present || pointer.shift) {
      return { ...blankAt(pointer), fromOutput: false, type: slot.type, ends: [{ node: hit.node.id, slot: -1, input: slot.name }], starts: [[x, y]] };
    }
    this.held = [present];
    return this.branch(pointer, present, present.via);
  }

  /**
   * A link from the same output as another, led the same way.
   * @param {Pointer} pointer @param {Link} link @param {string | null} via @returns {Linking}
   */
  branch(pointer, link, via) {
    const start = via === null ? undefined : this.view.store.graph.reroutes.get(via)?.position;
    const ends = [{ node: link.from, slot: link.slot, input: "", via }];
    return { ...blankAt(pointer), fromOutput: true, type: link.type, ends, starts: [start ?? this.startOf(link)] };
  }

  /** @param {Pointer} pointer @param {import("../../model/types.js").Reroute} reroute @returns {Linking} */
  fromReroute(pointer, { id, position }) {
    const { graph } = this.view.store;
    const origin = originOf(graph, id);
    const type = this.view.scene.typeAt(id);
    const ends = [{ node: origin?.from ?? "", slot: origin?.slot ?? -1, input: "", via: id }];
    return { ...blankAt(pointer), fromOutput: origin !== null, type, ends, starts: [position] };
  }

  /** @param {Pointer} pointer @param {Extract<import("../hit.js").Hit, {kind: "output"}>} hit @returns {Linking} */
  fromOutput(pointer, hit) {
    const { slot, x, y } = hit.place;
    const { graph } = this.view.store;
    if (pointer.shift) this.held = graph.linksFrom(hit.node.id).filter((link) => link.slot === slot.index);
    if (this.held.length === 0) {
      return { ...blankAt(pointer), fromOutput: true, type: slot.type, ends: [{ node: hit.node.id, slot: slot.index, input: "" }], starts: [[x, y]] };
    }
    const ends = this.held.map((link) => ({ node: link.to, slot: -1, input: link.input }));
    return { ...blankAt(pointer), fromOutput: false, type: slot.type, ends, starts: this.held.map((link) => this.endOf(link)) };
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

  /** @param {Linking} done @param {readonly Link[]} held */
  land({ target, ends, fromOutput }, held) {
    const { store } = this.view;
    const [end] = ends;
    store.run(target ? "Connect" : "Disconnect", (change) => {
      if (!target) return removeLinks(change, held.map((link) => link.id));
      if (target.reroute !== undefined) {
        if (fromOutput) return feedReroute(change, store.definitions, end.node, end.slot, target.reroute);
        return void connectReroute(change, store.definitions, target.reroute, end.node, end.input);
      }
      if (!fromOutput && end.node === "") return feedReroute(change, store.definitions, target.node, target.slot, end.via ?? "");
      if (!fromOutput && held.length > 0) {
        return moveOutputLinks(change, store.definitions, held[0].from, held[0].slot, target.node, target.slot);
      }
      if (!fromOutput) return void connect(change, store.definitions, target.node, target.slot, end.node, end.input);
      const link = connect(change, store.definitions, end.node, end.slot, target.node, target.input, end.via ?? null);
      removeLinks(change, held.map(({ id }) => id).filter((id) => id !== link.id));
    });
  }
}

/** @param {Pointer} pointer */
function blankAt(pointer) {
  return { at: pointer.world, snap: null, target: null, refusal: null };
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
