/** A workflow as a small sketch: where its nodes and links lie, read from the file without opening it. */

/** @import { Bounds } from "./types.js" */

import { isRecord, listOf, readLink, recordOf } from "./io/raw.js";

/** @typedef {Readonly<{box: Bounds, colour: string | null}>} SketchNode */
/** @typedef {Readonly<{from: readonly [number, number], to: readonly [number, number], type: string}>} SketchLink */
/** @typedef {Readonly<{nodes: readonly SketchNode[], links: readonly SketchLink[], groups: readonly Bounds[], bounds: Bounds}>} Sketch */

const TITLE = 30;
const COLLAPSED = 160;

/** @param {any} pair a list of two, or an object with "0" and "1" @returns {[number, number] | null} */
function pairOf(pair) {
  const both = [pair?.[0], pair?.[1]];
  return both.every((one) => Number.isFinite(one)) ? /** @type {[number, number]} */ (both) : null;
}

/** @param {any} raw a node of a file @returns {{id: string, node: SketchNode} | null} */
function nodeOf(raw) {
  const [position, size] = [pairOf(raw?.pos), pairOf(raw?.size)];
  if (!isRecord(raw) || !position || !size) return null;
  const isCollapsed = recordOf(raw.flags).collapsed === true;
  const box = /** @type {Bounds} */ ([position[0], position[1] - TITLE, isCollapsed ? COLLAPSED : size[0], TITLE + (isCollapsed ? 0 : size[1])]);
  return { id: String(raw.id), node: { box, colour: typeof raw.color === "string" ? raw.color : null } };
}

/**
 * The sketch of editor JSON, null where there is nothing to draw.
 * @param {any} json
 * @returns {Sketch | null}
 */
export function sketchOf(json) {
  /** @type {Map<string, SketchNode>} */
  const nodes = new Map();
  for (const raw of listOf(json?.nodes)) {
    const found = nodeOf(raw);
    if (found) nodes.set(found.id, found.node);
  }
  if (nodes.size === 0) return null;
  const raws = Array.isArray(json.links) ? json.links : Object.values(recordOf(json.links));
  const links = raws.flatMap((/** @type {any} */ raw) => {
    const link = readLink(raw);
    const [from, to] = [nodes.get(link?.from ?? "")?.box, nodes.get(link?.to ?? "")?.box];
    if (!link || !from || !to) return [];
    return [{
      from: /** @type {const} */ ([from[0] + from[2], from[1] + from[3] / 2]), to: /** @type {const} */ ([to[0], to[1] + to[3] / 2]), type: link.type,
    }];
  });
  const groups = listOf(json.groups).flatMap((group) => {
    const box = listOf(group?.bounding);
    return box.length === 4 && box.every(Number.isFinite) ? [/** @type {Bounds} */ ([box[0], box[1], box[2], box[3]])] : [];
  });
  const boxes = [...[...nodes.values()].map(({ box }) => box), ...groups];
  const [left, top] = [Math.min(...boxes.map(([x]) => x)), Math.min(...boxes.map(([, y]) => y))];
  const right = Math.max(...boxes.map(([x, , width]) => x + width));
  const bottom = Math.max(...boxes.map(([, y, , height]) => y + height));
  return { nodes: [...nodes.values()], links, groups, bounds: [left, top, right - left, bottom - top] };
}
