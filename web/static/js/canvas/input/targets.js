/** Where a link in the hand would land. */

/** @import { Pointer } from "./chart.js" */
/** @import { Linking, View } from "../view.js" */

import { originOf } from "../../model/reroutes.js";
import { checkLink } from "../../model/validate.js";

/**
 * The socket that the link would take where the pointer is: the one pointed at, else the nearest of the node that fits.
 * @param {View} view @param {Pointer} pointer @param {Linking} current
 * @returns {Partial<Linking>}
 */
export function findTarget(view, { hit, world }, current) {
  if (hit.kind === "reroute") return rerouteTarget(view, hit.reroute, current);
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
    if (fixed.node === "") return { snap: [place.x, place.y], target: end };
    const verdict = current.fromOutput
      ? checkLink(graph, definitions, fixed.node, fixed.slot, end.node, end.input)
      : checkLink(graph, definitions, end.node, end.slot, fixed.node, fixed.input);
    if (verdict.ok) return { snap: [place.x, place.y], target: end };
    refusal ??= verdict.reason;
    if (isPointed(place)) break;
  }
  return { refusal: hit.node.id === fixed.node ? null : refusal };
}

/**
 * A reroute takes a link backwards when something feeds it, and forwards when nothing does.
 * @param {View} view @param {import("../../model/types.js").Reroute} reroute @param {Linking} current
 * @returns {Partial<Linking>}
 */
function rerouteTarget(view, { id, position }, current) {
  const { graph, definitions } = view.store;
  const fixed = current.ends[0];
  if (fixed.via === id || fixed.node === "") return {};
  const origin = originOf(graph, id);
  const target = { node: "", slot: -1, input: "", reroute: id };
  if (current.fromOutput) return origin ? {} : { snap: position, target };
  if (!origin) return {};
  const verdict = checkLink(graph, definitions, origin.from, origin.slot, fixed.node, fixed.input);
  return verdict.ok ? { snap: position, target } : { refusal: verdict.reason };
}
