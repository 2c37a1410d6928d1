/** The corner of a node or a group is held. */

/** @import { Chart, Pointer, State } from "./chart.js" */
/** @import { Bounds, Point } from "../../model/types.js" */

import { resizeNode, setGroup } from "../../model/commands.js";

/** @param {Chart} chart @returns {State} */
export function resizing(chart) {
  const { view } = chart;
  let gesture = "";
  /** @type {[number, number]} */ let origin = [0, 0];
  /** @type {{id: string, size: Point} | null} */ let node = null;
  /** @type {{id: string, bounds: Bounds} | null} */ let group = null;
  return {
    cursor: "nwse-resize",
    enter(/** @type {Pointer} */ pointer) {
      gesture = chart.newGesture();
      origin = pointer.world;
      const { hit } = pointer;
      node = null;
      group = hit.kind === "group-corner" ? { id: hit.group.id, bounds: hit.group.bounds } : null;
      if (hit.kind !== "corner") return;
      const { bounds, title } = view.scene.shape(hit.node);
      node = { id: hit.node.id, size: [bounds[2], bounds[3] - title[3]] };
      view.select([hit.node.id]);
    },
    move(pointer) {
      const dx = Math.round(pointer.world[0] - origin[0]);
      const dy = Math.round(pointer.world[1] - origin[1]);
      view.store.run("Resize", (change) => {
        if (node) resizeNode(change, node.id, [Math.max(120, node.size[0] + dx), Math.max(24, node.size[1] + dy)]);
        if (!group) return;
        const [x, y, width, height] = group.bounds;
        setGroup(change, group.id, { bounds: [x, y, Math.max(80, width + dx), Math.max(60, height + dy)] });
      }, gesture);
    },
    up() {
      view.store.history.seal();
      chart.go("idle");
    },
    cancel: () => view.store.abandon(gesture),
  };
}
