/** Paints nodes that are too small to read: a frame, a title bar and their pictures, many in one go. */

/** @import { Bounds, Node } from "../../model/types.js" */
/** @import { View } from "../view.js" */

import { outlineOf } from "./nodes.js";
import { paintMedia } from "./media.js";

/** Rectangles by the colour that they are filled with. */
class Fills {
  constructor() {
    /** @type {Map<string, Bounds[]>} */ this.byColour = new Map();
  }

  /** @param {string} colour @param {Bounds} bounds */
  add(colour, bounds) {
    const known = this.byColour.get(colour);
    if (known) known.push(bounds);
    else this.byColour.set(colour, [bounds]);
  }

  /** @param {CanvasRenderingContext2D} context */
  paint(context) {
    for (const [colour, all] of this.byColour) {
      context.fillStyle = colour;
      for (const [x, y, width, height] of all) context.fillRect(x, y, width, height);
    }
  }
}

/**
 * Frames, then bodies, then titles: three passes, so that colours change seldom.
 * @param {CanvasRenderingContext2D} context on the canvas @param {View} view @param {readonly Node[]} nodes lowest first
 */
export function paintFar(context, view, nodes) {
  const { theme, camera: { scale } } = view;
  const [frames, bodies, titles] = [new Fills(), new Fills(), new Fills()];
  for (const node of nodes) {
    const { bounds: [x, y, width, height], title, isKnown } = view.scene.shape(node);
    const { line, width: stroke } = outlineOf(view, node, isKnown);
    const edge = (stroke > 1 ? 1.6 : 0.8) / scale;
    frames.add(line, [x - edge, y - edge, width + 2 * edge, height + 2 * edge]);
    bodies.add(view.isLost(node, isKnown) ? theme.dangerSoft : node.mode === "bypass" ? theme.bypass : node.mode === "mute" ? theme.field : theme.node,
      [x, y, width, height]);
    titles.add(node.mode === "bypass" ? theme.bypassFar : node.color ?? theme.titleFar, [x, y, width, title[3]]);
  }
  for (const fills of [frames, bodies, titles]) fills.paint(context);
  for (const node of nodes) {
    const { media } = view.scene.shape(node);
    if (media && view.picturesOf(node).length > 0) paintMedia(context, view, node, media);
  }
}
