/** Nodes are being dragged, or copies of them (Alt); with Shift they keep to the grid. */

/** @import { Chart, Pointer, State } from "./chart.js" */
/** @import { Bounds, Point } from "../../model/types.js" */

import { addCopies, moveNodes, raiseNodes, setGroup } from "../../model/commands.js";
import { contains } from "../spatial.js";

const GRID = 12;

/** @param {Chart} chart @returns {State} */
export function translating(chart) {
  const { view } = chart;
  let gesture = "";
  /** @type {[number, number]} */ let origin = [0, 0];
  /** @type {Map<string, Point>} */ let starts = new Map();
  /** @type {{id: string, bounds: Bounds} | null} */ let frame = null;

  /** @param {string} id @returns {string[]} the nodes that lie in a group */
  function inGroup(id) {
    const group = view.store.graph.groups.get(id);
    if (!group) return [];
    return view.scene.nodesIn(group.bounds).filter((node) => contains(group.bounds, view.scene.shape(node).bounds)).map((node) => node.id);
  }

  /** @param {Pointer} pointer */
  function drag(pointer) {
    let dx = pointer.world[0] - origin[0];
    let dy = pointer.world[1] - origin[1];
    if (pointer.shift) {
      const [first] = starts.values();
      const anchor = first ?? [frame?.bounds[0] ?? 0, frame?.bounds[1] ?? 0];
      dx = Math.round((anchor[0] + dx) / GRID) * GRID - anchor[0];
      dy = Math.round((anchor[1] + dy) / GRID) * GRID - anchor[1];
    } else [dx, dy] = [Math.round(dx), Math.round(dy)];
    const positions = new Map([...starts].map(([id, [x, y]]) => [id, /** @type {Point} */ ([x + dx, y + dy])]));
    view.store.run("Move", (change) => {
      moveNodes(change, positions);
      if (frame) setGroup(change, frame.id, { bounds: [frame.bounds[0] + dx, frame.bounds[1] + dy, frame.bounds[2], frame.bounds[3]] });
    }, gesture);
  }

  return {
    cursor: "grabbing",
    enter({ pressed, pointer }) {
      gesture = chart.newGesture();
      origin = pressed.world;
      const graph = view.store.graph;
      let ids = [...view.selection];
      frame = null;
      if (pressed.hit.kind === "group") {
        frame = { id: pressed.hit.group.id, bounds: pressed.hit.group.bounds };
        ids = pressed.control ? [] : inGroup(frame.id);
      } else if (pressed.alt) {
        const chosen = new Set(ids);
        const nodes = ids.map((id) => graph.nodes.get(id)).filter((node) => node !== undefined);
        const links = [...graph.links.values()].filter((link) => chosen.has(link.to));
        ids = view.store.run("Duplicate", (change) => addCopies(change, nodes, links, [0, 0]), gesture);
        view.select(ids);
      } else view.store.run("Move", (change) => raiseNodes(change, ids), gesture);
      starts = new Map(ids.map((id) => [id, /** @type {Point} */ (graph.nodes.get(id)?.position)]));
      drag(pointer);
    },
    move: drag,
    up() {
      view.store.history.seal();
      chart.go("idle");
    },
    cancel: () => view.store.abandon(gesture),
  };
}
