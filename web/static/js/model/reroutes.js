/** Reroutes: points that links are led through. A link names the last one before its end, each names the one before it. */

/** @import { Graph, Transaction } from "./document.js" */
/** @import { Floating, Link, Point, Reroute } from "./types.js" */

import { newId, nextNumber } from "./ids.js";

/**
 * The reroutes that lead to one, from the output on.
 * @param {Graph} graph @param {string | null} via the last of them
 * @returns {Reroute[]}
 */
export function chainOf(graph, via) {
  /** @type {Set<Reroute>} */
  const chain = new Set();
  for (let id = via; id !== null;) {
    const reroute = graph.reroutes.get(id);
    if (!reroute || chain.has(reroute)) break;
    chain.add(reroute);
    id = reroute.parent;
  }
  return [...chain].reverse();
}

/**
 * Everything that goes through a reroute: links, and floating links, also by way of later reroutes.
 * @param {Graph} graph @param {string} id
 * @returns {{links: Link[], floating: Floating[]}}
 */
export function linksThrough(graph, id) {
  const within = new Set([id]);
  /** @type {Map<string, string[]>} */
  const children = new Map();
  for (const { id: child, parent } of graph.reroutes.values()) {
    if (parent !== null) children.set(parent, [...children.get(parent) ?? [], child]);
  }
  for (const current of within) for (const child of children.get(current) ?? []) within.add(child);
  const isThrough = (/** @type {{via: string | null}} */ { via }) => via !== null && within.has(via);
  return { links: [...graph.links.values()].filter(isThrough), floating: [...graph.floating.values()].filter(isThrough) };
}

/**
 * The output that feeds a reroute.
 * @param {Graph} graph @param {string} id
 * @returns {{from: string, slot: number} | null}
 */
export function originOf(graph, id) {
  const first = chainOf(graph, id)[0]?.id ?? id;
  const { links, floating } = linksThrough(graph, first);
  const found = [...links, ...floating].find(({ from }) => from !== null);
  return found ? { from: /** @type {string} */ (found.from), slot: found.slot } : null;
}

/** @param {Transaction} change @returns {number} */
export function nextRerouteKey(change) {
  return nextNumber([...change.graph.reroutes.values()].map((reroute) => reroute.key));
}

/**
 * Adds a reroute right before the end of a link, or right before another reroute.
 * @param {Transaction} change @param {string} end id of the link, floating link or reroute that follows it @param {Point} position
 * @returns {Reroute}
 */
export function addReroute(change, end, position) {
  const { links, floating, reroutes } = change.graph;
  const link = links.get(end) ?? floating.get(end);
  const next = reroutes.get(end);
  if (!link && !next) throw new Error("The link is gone.");
  const parent = link ? link.via : /** @type {Reroute} */ (next).parent;
  const reroute = Object.freeze({ id: newId(), key: nextRerouteKey(change), position, parent, kept: {} });
  change.put("reroute", reroute);
  if (next) change.put("reroute", { ...next, parent: reroute.id });
  else if (link) change.put(links.has(end) ? "link" : "floating", { ...link, via: reroute.id });
  return reroute;
}

/** @param {Transaction} change @param {ReadonlyMap<string, Point>} positions */
export function moveReroutes(change, positions) {
  for (const [id, position] of positions) {
    const reroute = change.graph.reroutes.get(id);
    if (reroute) change.put("reroute", { ...reroute, position });
  }
}

/**
 * Takes reroutes out of their links, which stay.
 * @param {Transaction} change @param {Iterable<string>} ids
 */
export function removeReroutes(change, ids) {
  const { graph } = change;
  for (const id of ids) {
    const reroute = graph.reroutes.get(id);
    if (!reroute) continue;
    const { parent } = reroute;
    for (const next of [...graph.reroutes.values()]) if (next.parent === id) change.put("reroute", { ...next, parent });
    for (const link of [...graph.links.values()]) if (link.via === id) change.put("link", { ...link, via: parent });
    for (const link of [...graph.floating.values()]) {
      if (link.via !== id) continue;
      if (parent === null) change.remove("floating", link.id);
      else change.put("floating", { ...link, via: parent });
    }
    change.remove("reroute", id);
  }
}

/** @param {Graph} graph @param {string} id @returns {boolean} whether a link ends at this reroute or another follows it */
function isUsed(graph, id) {
  for (const { via } of graph.links.values()) if (via === id) return true;
  for (const { via } of graph.floating.values()) if (via === id) return true;
  for (const { parent } of graph.reroutes.values()) if (parent === id) return true;
  return false;
}

/**
 * Removes the reroutes of a link that is gone, as far as nothing else goes through them.
 * @param {Transaction} change @param {string | null} via
 */
export function pruneReroutes(change, via) {
  for (const { id } of chainOf(change.graph, via).reverse()) {
    if (isUsed(change.graph, id)) return;
    change.remove("reroute", id);
  }
}

/**
 * Removes links, and the reroutes that only they went through.
 * @param {Transaction} change @param {Iterable<string>} ids
 */
export function removeLinks(change, ids) {
  for (const id of ids) {
    const link = change.graph.links.get(id) ?? change.graph.floating.get(id);
    if (!link) continue;
    change.remove(change.graph.links.has(id) ? "link" : "floating", id);
    pruneReroutes(change, link.via);
  }
}

/**
 * Takes away every link of nodes that are about to go. Where a link was led through reroutes, they stay, floating.
 * @param {Transaction} change @param {ReadonlySet<string>} gone
 */
export function loosenLinks(change, gone) {
  const { graph } = change;
  const isGone = (/** @type {string | null} */ id) => id !== null && gone.has(id);
  for (const link of [...graph.floating.values()]) if (isGone(link.from) || isGone(link.to)) removeLinks(change, [link.id]);
  for (const id of gone) {
    for (const link of [...graph.linksInto(id), ...graph.linksFrom(id)]) {
      change.remove("link", link.id);
      if (link.via === null) continue;
      const isLost = gone.has(link.from) && gone.has(link.to);
      if (!isLost && !isUsed(graph, link.via)) float(change, link, gone);
      pruneReroutes(change, link.via);
    }
  }
}

/** @param {Transaction} change @param {Link} link @param {ReadonlySet<string>} gone */
function float(change, { slot, input, type, via, from, to }, gone) {
  const key = nextNumber([...change.graph.floating.values()].map((link) => link.key));
  const ends = gone.has(to) ? { from, to: null } : { from: null, to };
  change.put("floating", Object.freeze({ id: newId(), key, ...ends, slot, input, type, via: /** @type {string} */ (via), kept: {} }));
}

/**
 * Draws links, or hides them behind the labels at their ends.
 * @param {Transaction} change @param {Iterable<string>} ids @param {boolean} hidden
 */
export function setHidden(change, ids, hidden) {
  for (const id of ids) {
    const link = change.graph.links.get(id);
    if (link && link.hidden !== hidden) change.put("link", { ...link, hidden });
  }
}

/**
 * Lets one chain of reroutes follow another.
 * @param {Transaction} change @param {string | null} first @param {string | null} second
 * @returns {string | null} the last reroute of both
 */
export function joinChains(change, first, second) {
  const start = chainOf(change.graph, second)[0];
  if (start && start.id !== chainOf(change.graph, first)[0]?.id) change.put("reroute", { ...start, parent: first });
  return second ?? first;
}
