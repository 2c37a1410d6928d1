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
  const { view } = chart;
  /** @type {Pointer} */ let pressed;
  /** @type {Link[]} links that are in the hand */ let held = [];
  let moved = false;

  /** @param {Link} link @returns {Linking} a link held by its end at the input */
  function holding(link) {
    const node = view.store.graph.nodes.get(link.from);
    const start = /** @type {Point} */ (node ? outputPoint(view.scene.shape(node), link.slot) : pressed.world);
    return {
      fromOutput: true, type: link.type, ends: [{ node: link.from, slot: link.slot, input: "" }], starts: [start],
      at: pressed.world, snap: null, target: null, refusal: null,
    };
  }

  /** @param {Pointer} pointer @returns {Linking | null} */
  function begin(pointer) {
    const { hit } = pointer;
    const graph = view.store.graph;
    const blank = { at: pointer.world, snap: null, target: null, refusal: null };
    if (hit.kind === "input") {
      const present = graph.linkInto(hit.node.id, hit.place.slot.name);
      if (present && !pointer.shift) {
        held = [present];
        return holding(present);
      }
      const { slot, x, y } = hit.place;
      return { ...blank, fromOutput: false, type: slot.type, ends: [{ node: hit.node.id, slot: -1, input: slot.name }], starts: [[x, y]] };
    }
    if (hit.kind !== "output") return null;
    const { slot, x, y } = hit.place;
    if (pointer.shift) held = graph.linksFrom(hit.node.id).filter((link) => link.slot === slot.index);
    if (held.length > 0) {
      const starts = held.map((link) => {
        const node = graph.nodes.get(link.to);
        return /** @type {Point} */ (node ? inputPoint(view.scene.shape(node), link.input) : [x, y]);
      });
      const ends = held.map((link) => ({ node: link.to, slot: -1, input: link.input }));
      return { ...blank, fromOutput: false, type: slot.type, ends, starts };
    }
    return { ...blank, fromOutput: true, type: slot.type, ends: [{ node: hit.node.id, slot: slot.index, input: "" }], starts: [[x, y]] };
  }

  /** @param {Pointer} pointer */
  function aim(pointer) {
    const current = /** @type {Linking} */ (view.linking);
    view.linking = { ...current, at: pointer.world, snap: null, target: null, refusal: null, ...findTarget(pointer, current) };
    view.redrawOverlay();
  }

  /** @param {Pointer} pointer @param {Linking} current @returns {Partial<Linking>} */
  function findTarget(pointer, current) {
    const { hit } = pointer;
    if (!("node" in hit)) return {};
    const fixed = current.ends[0];
    const shape = view.scene.shape(hit.node);
    const { graph, definitions } = view.store;
    const places = current.fromOutput ? shape.inputs : shape.outputs;
    const near = [...places].sort((one, other) => Math.abs(one.y - pointer.world[1]) - Math.abs(other.y - pointer.world[1]));
    /** @type {string | null} */
    let refusal = null;
    const pointed = "place" in hit ? hit.place.slot.name : null;
    for (const place of near) {
      const end = { node: hit.node.id, slot: "index" in place.slot ? place.slot.index : -1, input: place.slot.name };
      const verdict = current.fromOutput
        ? checkLink(graph, definitions, fixed.node, fixed.slot, end.node, end.input)
        : checkLink(graph, definitions, end.node, end.slot, fixed.node, fixed.input);
      const exact = pointed !== null && place.slot.name === pointed;
      if (verdict.ok) {
        if (pointed === null || exact || refusal === null) return { snap: [place.x, place.y], target: end };
      } else if (exact || (refusal === null && pointed === null) || verdict.code === "cycle" || verdict.code === "self") {
        refusal = verdict.reason;
        if (exact) break;
      }
    }
    return { refusal: hit.node.id === fixed.node ? null : refusal };
  }

  /** @param {Linking} done */
  function land(done) {
    const { definitions } = view.store;
    const target = done.target;
    view.store.run(target ? "Connect" : "Disconnect", (change) => {
      removeLinks(change, held.map((link) => link.id));
      if (!target) return;
      for (const end of done.ends) {
        if (done.fromOutput) connect(change, definitions, end.node, end.slot, target.node, target.input);
        else connect(change, definitions, target.node, target.slot, end.node, end.input);
      }
    });
  }

  return {
    cursor: "crosshair",
    enter(/** @type {Pointer} */ pointer) {
      pressed = pointer;
      held = [];
      moved = false;
      if (pointer.control && pointer.alt) return unlink(chart, pointer);
      view.linking = begin(pointer);
      if (!view.linking) return chart.go("idle");
      view.redraw();
    },
    move(pointer) {
      const [x, y] = pressed.screen;
      if (!moved && Math.hypot(pointer.screen[0] - x, pointer.screen[1] - y) < THRESHOLD) return;
      if (!moved && held.length === 1) {
        view.hiddenLink = held[0].id;
        view.redraw();
      }
      moved = true;
      aim(pointer);
    },
    up(pointer) {
      const done = view.linking;
      const { hit } = pointer;
      const links = held;
      chart.go("idle");
      if (!moved || !done) return;
      held = links;
      if (done.refusal) return chart.actions.refuse(done.refusal);
      const onNode = "node" in hit;
      if (done.target || (links.length > 0 && !onNode)) return land(done);
      if (!onNode && links.length === 0) chart.actions.search({ at: pointer.world, screen: pointer.screen, linking: done });
    },
    exit() {
      view.linking = null;
      view.hiddenLink = null;
      view.redraw();
    },
  };
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
