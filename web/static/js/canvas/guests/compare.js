/** Two pictures over each other on the node that compares them: the line between them follows the pointer. */

/** @import { Bounds, Node } from "../../model/types.js" */
/** @import { App } from "../../app.js" */
/** @import { Held } from "../hooks.js" */
/** @import { Pointer } from "../input/chart.js" */

import { within } from "../paint/media.js";

const TYPE = "ImageCompare";

/** Where the line stands on each node, from 0 to 1. @type {Map<string, number>} */
const lines = new Map();

/** @param {App} app @param {CanvasRenderingContext2D} context @param {Node} node @param {Bounds} bounds @param {readonly string[]} urls */
function paint({ view }, context, node, bounds, urls) {
  const half = Math.floor(urls.length / 2);
  const index = Math.min(view.picked.get(node.id) ?? 0, half - 1);
  const [first, second] = [urls[index], urls[half + index]].map((url) => view.pictures.get(url, bounds[2] * view.camera.scale * view.painter.ratio));
  if (!first || !second) return;
  const box = within(first, bounds);
  const cut = box[0] + box[2] * (lines.get(node.id) ?? 0.5);
  context.drawImage(second, ...box);
  context.save();
  context.beginPath();
  context.rect(box[0], box[1], cut - box[0], box[3]);
  context.clip();
  context.drawImage(first, ...box);
  context.restore();
  context.fillStyle = view.theme.node;
  context.fillRect(cut - 1, box[1], 2, box[3]);
  context.beginPath();
  context.arc(cut, box[1] + box[3] / 2, 7, 0, 2 * Math.PI);
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = view.theme.accent;
  context.stroke();
}

/** @param {App} app @param {Pointer} pointer @returns {boolean} whether a line was moved */
function follow({ view }, { hit, world }) {
  if (hit.kind !== "media" || hit.node.type !== TYPE) return false;
  const { media } = view.scene.shape(hit.node);
  if (!media || view.outputOf(hit.node).pictures.length < 2) return false;
  lines.set(hit.node.id, Math.max(0, Math.min(1, (world[0] - media[0]) / media[2])));
  view.redrawPart(media);
  return true;
}

/**
 * @param {App} app
 * @returns {{type: string, paint: import("../hooks.js").MediaPainter, hover: (pointer: Pointer) => void, press: (pointer: Pointer) => Held |
 * null}}
 */
export function comparing(app) {
  return {
    type: TYPE, paint: (context, node, bounds, urls) => paint(app, context, node, bounds, urls),
    hover: (pointer) => void follow(app, pointer),
    // A finger drags the line; a mouse only points, so that nodes can be dragged by their pictures.
    press: (pointer) => (pointer.touch && follow(app, pointer) ? { move: (moved) => void follow(app, moved) } : null),
  };
}
