/** Reads and writes reroutes, floating links, and which links are hidden: in `extra` of 0.4, beside the links of 1.0. */

/** @import { Graph, Transaction } from "../document.js" */
/** @import { Link, Node, Reroute } from "../types.js" */
/** @import { Doubt } from "./read.js" */

import { newId } from "../ids.js";
import { chainOf } from "../reroutes.js";
import { Numbers, listOf, readLink, readPair, recordOf, without, wordOf } from "./raw.js";

const OWN = new Set(["id", "parentId", "pos", "linkIds", "floating"]);

/**
 * What a graph of a file says about the way of its links.
 * @typedef {Readonly<{vias: ReadonlyMap<string, string>, extensions: ReadonlyMap<string, any>, looks: any}>} Ways
 */

/** The fields of `extra` that are read here and written anew. */
export const OWN_EXTRA = new Set(["reroutes", "linkExtensions", "linkPresentation"]);

/**
 * Adds the reroutes of a graph.
 * @param {Transaction} change @param {any} json a graph of a file @param {Doubt[]} doubts
 * @returns {Ways}
 */
export function readReroutes(change, json, doubts) {
  const extra = recordOf(json.extra);
  /** @type {Map<string, string>} */
  const vias = new Map();
  /** @type {{raw: any, id: string}[]} */
  const found = [];
  for (const raw of [...listOf(json.reroutes), ...listOf(extra.reroutes)]) {
    const key = wordOf(raw?.id);
    if (!Number.isSafeInteger(Number(raw?.id)) || vias.has(key)) continue;
    vias.set(key, newId());
    found.push({ raw, id: /** @type {string} */ (vias.get(key)) });
  }
  const parents = new Map(found.map(({ raw, id }) => [id, vias.get(wordOf(raw.parentId)) ?? null]));
  if (breakLoops(parents)) doubts.push({ key: null, text: "Some reroutes led round in a circle; it was cut." });
  for (const { raw, id } of found) {
    const parent = parents.get(id) ?? null;
    change.put("reroute", { id, key: Number(raw.id), position: readPair(raw.pos, [0, 0]), parent, kept: without(raw, OWN) });
  }
  const extensions = new Map(listOf(extra.linkExtensions).map((raw) => [wordOf(raw?.id), recordOf(raw)]));
  return { vias, extensions, looks: recordOf(extra.linkPresentation) };
}

/** @param {Map<string, string | null>} parents changed in place @returns {boolean} whether there were any */
function breakLoops(parents) {
  const done = new Set();
  let found = false;
  for (const start of parents.keys()) {
    const path = new Set();
    let last = start;
    /** @type {string | null} */
    let id = start;
    for (; id !== null && !done.has(id); id = parents.get(id) ?? null) {
      if (path.has(id)) {
        parents.set(last, null);
        found = true;
        break;
      }
      path.add(id);
      last = id;
    }
    for (const seen of path) done.add(seen);
  }
  return found;
}

/**
 * The fields of a link that say which way it goes and how it looks.
 * @param {Ways} ways @param {Readonly<{key: number, kept: any}>} raw
 * @returns {Pick<Link, "via" | "hidden" | "kept">}
 */
export function readWay({ vias, extensions, looks }, { key, kept }) {
  const { id: _id, parentId = kept.parentId, ...more } = extensions.get(wordOf(key)) ?? {};
  const { parentId: _parent, ...rest } = kept;
  const { hidden, ...look } = recordOf(Object.hasOwn(looks, wordOf(key)) ? looks[key] : {});
  const presentation = Object.keys(look).length > 0 ? { presentation: look } : {};
  return { via: vias.get(wordOf(parentId)) ?? null, hidden: hidden === true, kept: Object.freeze({ ...rest, ...more, ...presentation }) };
}

/**
 * Adds the links that end in a reroute on one side.
 * @param {Transaction} change @param {any} json @param {Ways} ways @param {ReadonlyMap<string, Node>} byKey
 * @param {ReadonlyMap<string, readonly {name: string}[]>} stored the inputs of each node
 */
export function readFloating(change, json, { vias }, byKey, stored) {
  const raws = listOf(json.floatingLinks).map(readLink);
  const numbers = new Numbers(raws.map((raw) => raw?.key));
  for (const raw of raws) {
    const { parentId, ...kept } = raw?.kept ?? {};
    const via = vias.get(wordOf(parentId));
    if (!raw || via === undefined) continue;
    const from = Number.isInteger(raw.slot) && raw.slot >= 0 ? byKey.get(raw.from)?.id ?? null : null;
    const name = stored.get(raw.to)?.[raw.index]?.name;
    const to = name === undefined ? null : byKey.get(raw.to)?.id ?? null;
    if ((from === null) === (to === null)) continue;
    const { key, slot, type } = raw;
    change.put("floating", { id: newId(), key: numbers.take(key), from, slot: from === null ? -1 : slot, to, input: name ?? "", type, via, kept });
  }
}

/**
 * The reroutes of a graph as files have them.
 * @param {Graph} graph
 * @returns {any[]}
 */
export function writeReroutes(graph) {
  /** @type {Map<string, number[]>} */
  const links = new Map();
  for (const { key, via } of graph.links.values()) {
    for (const { id } of chainOf(graph, via)) {
      const keys = links.get(id);
      if (keys) keys.push(key);
      else links.set(id, [key]);
    }
  }
  const tips = new Map([...graph.floating.values()].map(({ via, from }) => [via, from === null ? "input" : "output"]));
  const sorted = [...graph.reroutes.values()].sort((one, other) => one.key - other.key);
  return sorted.map(({ id, key, parent, position, kept }) => ({
    id: key, ...keyOf(graph, parent), pos: [...position], linkIds: (links.get(id) ?? []).sort((one, other) => one - other),
    ...(tips.has(id) ? { floating: { slotType: tips.get(id) } } : {}), ...kept,
  }));
}

/** @param {Graph} graph @param {string | null} id @returns {{parentId?: number}} */
function keyOf(graph, id) {
  const reroute = /** @type {Reroute | undefined} */ (id === null ? undefined : graph.reroutes.get(id));
  return reroute ? { parentId: reroute.key } : {};
}

/**
 * The fields of a link as an object that an array of six has no place for.
 * @param {Graph} graph @param {Link} link
 * @returns {Record<string, any>}
 */
export function writeWay(graph, { via, kept }) {
  const { presentation: _look, ...rest } = kept;
  return { ...keyOf(graph, via), ...rest };
}

/**
 * How links look that do not look as others do, by key.
 * @param {readonly Link[]} links
 * @returns {{linkPresentation?: Record<string, any>}}
 */
export function writeLooks(links) {
  const looks = links.filter(({ hidden, kept }) => hidden || kept.presentation)
    .map(({ key, hidden, kept }) => [key, { ...(hidden ? { hidden } : {}), ...kept.presentation }]);
  return looks.length > 0 ? { linkPresentation: Object.fromEntries(looks) } : {};
}

/**
 * The floating links of a graph as files have them.
 * @param {Graph} graph @param {(id: string) => string | number} keyOfNode
 * @param {ReadonlyMap<string, readonly string[]>} inputs names of the inputs of each node as written
 * @returns {any[]}
 */
export function writeFloating(graph, keyOfNode, inputs) {
  const sorted = [...graph.floating.values()].sort((one, other) => one.key - other.key);
  return sorted.map(({ key, from, slot, to, input, type, via, kept }) => ({
    id: key, origin_id: from === null ? -1 : keyOfNode(from), origin_slot: from === null ? -1 : slot,
    target_id: to === null ? -1 : keyOfNode(to), target_slot: to === null ? -1 : inputs.get(to)?.indexOf(input) ?? -1,
    type, ...keyOf(graph, via), ...kept,
  }));
}
