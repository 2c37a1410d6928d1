/** A stroke is drawn with Ctrl and the right button: every link that it crosses is cut when it ends. */

/** @import { Chart, Pointer, State } from "./chart.js" */
/** @import { Point } from "../../model/types.js" */

import { removeLinks } from "../../model/commands.js";
import { crosses, pathBounds } from "../curve.js";

const STEP = 4;

/** @param {Chart} chart @returns {State} */
export function cutting(chart) {
  const { view } = chart;

  /** @param {Point} from @param {Point} to */
  function cross(from, to) {
    const { scene } = view;
    for (const [id, { link, path }] of [...scene.placed, ...scene.floating]) {
      if (view.cut.has(id) || ("hidden" in link && !view.isSeen(link)) || !crosses(path, from, to, scene.style)) continue;
      view.cut.add(id);
      view.redrawPart(pathBounds(path));
    }
  }

  return {
    cursor: "crosshair",
    enter(/** @type {Pointer} */ pointer) {
      view.stroke = [pointer.world];
      view.look();
    },
    move(pointer) {
      const last = view.stroke[view.stroke.length - 1];
      const [x, y] = pointer.world;
      if (Math.hypot(x - last[0], y - last[1]) * view.camera.scale < STEP) return;
      view.stroke.push(pointer.world);
      cross(last, pointer.world);
      view.look();
    },
    up() {
      const ids = [...view.cut];
      chart.go("idle");
      if (ids.length > 0) view.store.run(ids.length === 1 ? "Cut a link" : "Cut links", (change) => removeLinks(change, ids));
    },
    exit() {
      view.cut.clear();
      view.stroke = [];
      view.redraw();
    },
  };
}
