/** Links found for the person: which sockets of two nodes fit, what a bypass lets through, and moves of several links at once. */

/** @import { Graph, Transaction } from "./document.js" */
/** @import { Definitions, InputSlot, Link, Node } from "./types.js" */

import { connect, nextLinkKey, removeNodes } from "./commands.js";
import { newId } from "./ids.js";
import { joinChains, linksThrough, originOf, pruneReroutes } from "./reroutes.js";
import { SPARE, inputSlot, outputSlot, slotsOf, titleOf } from "./slots.js";
import { checkLink, typesMatch } from "./validate.js";
import { t } from "../words.js";

/**
 * How well a type answers another: 3 the same, 2 a shared member, 1 by "*", 0 not at all.
 * @param {string} given @param {string} wanted
 * @returns {number}
 */
function fit(given, wanted) {
  if (given.toUpperCase() === wanted.toUpperCase()) return given === "*" ? 1 : 3;
  if (!typesMatch(given, wanted)) return 0;
  return given === "*" || wanted === "*" ? 1 : 2;
}

/**
 * The input of a node that a type fits best: the same type before a shared one, sockets before widgets, free ones only.
 * @param {Graph} graph @param {Definitions} definitions @param {Node} node @param {string} type
 * @returns {{input: string, fit: number} | null}
 */
export function bestInput(graph, definitions, node, type) {
  const scored = slotsOf(definitions, node).inputs
    .filter((slot) => slot.name !== SPARE && !graph.linkInto(node.id, slot.name))
    .map((slot) => ({ input: slot.name, fit: fit(type, slot.type) - (slot.widget ? 0.5 : 0), isFit: typesMatch(type, slot.type) }));
  return best(scored.filter((entry) => entry.isFit));
}

/**
 * The output of a node that answers a type best.
 * @param {Definitions} definitions @param {Node} node @param {string} type
 * @returns {{slot: number, fit: number} | null}
 */
export function bestOutput(definitions, node, type) {
  const scored = slotsOf(definitions, node).outputs.filter((slot) => slot.name !== SPARE)
    .map(({ index, type: given }) => ({ slot: index, fit: fit(given, type) }));
  return best(scored.filter((entry) => entry.fit > 0));
}

/**
 * The first of the entries that fit best.
 * @template {{fit: number}} T
 * @param {readonly T[]} entries
 * @returns {T | null}
 */
function best(entries) {
  return entries.reduce((/** @type {T | null} */ top, entry) => (top && top.fit >= entry.fit ? top : entry), null);
}

/**
 * The output and input by which one node would feed another.
 * @param {Graph} graph @param {Definitions} definitions @param {string} from @param {string} to
 * @returns {{slot: number, input: string} | null}
 */
export function bestLink(graph, definitions, from, to) {
  const origin = graph.nodes.get(from);
  const target = graph.nodes.get(to);
  if (!origin || !target) return null;
  const pairs = slotsOf(definitions, origin).outputs.filter((output) => output.name !== SPARE).flatMap((output) => {
    const found = bestInput(graph, definitions, target, output.type);
    const isFine = found && checkLink(graph, definitions, from, output.index, to, found.input).ok;
    return isFine ? [{ slot: output.index, input: found.input, fit: found.fit }] : [];
  });
  return best(pairs);
}

/**
 * Links two nodes by the sockets that fit best.
 * @param {Transaction} change @param {Definitions} definitions @param {string} from @param {string} to
 * @returns {Link}
 */
export function connectNodes(change, definitions, from, to) {
  const found = bestLink(change.graph, definitions, from, to);
  if (found) return connect(change, definitions, from, found.slot, to, found.input);
  const [origin, target] = [change.node(from), change.node(to)];
  throw new Error(t("No output of {one} fits a free input of {other}.", { one: titleOf(definitions, origin), other: titleOf(definitions, target) }));
}

/**
 * The input and output by which a node could stand in the middle of a link.
 * @param {Graph} graph @param {Definitions} definitions @param {string} id @param {string} link
 * @returns {{input: string, slot: number} | null}
 */
export function placeOnLink(graph, definitions, id, link) {
  const node = graph.nodes.get(id);
  const present = graph.links.get(link);
  const [origin, target] = [present && graph.nodes.get(present.from), present && graph.nodes.get(present.to)];
  if (!node || !present || !origin || !target || present.from === id || present.to === id) return null;
  const given = outputSlot(definitions, origin, present.slot)?.type ?? present.type;
  const wanted = inputSlot(definitions, target, present.input)?.type ?? present.type;
  const into = bestInput(graph, definitions, node, given);
  const out = bestOutput(definitions, node, wanted);
  if (!into || !out) return null;
  const isFine = checkLink(graph, definitions, present.from, present.slot, id, into.input).ok &&
    checkLink(graph, definitions, id, out.slot, present.to, present.input).ok;
  return isFine ? { input: into.input, slot: out.slot } : null;
}

/**
 * Puts a node in the middle of a link. The reroutes of the link stay before the node.
 * @param {Transaction} change @param {Definitions} definitions @param {string} id @param {string} link
 * @returns {[Link, Link]}
 */
export function insertNodeOnLink(change, definitions, id, link) {
  const place = placeOnLink(change.graph, definitions, id, link);
  if (!place) throw new Error(t("{name} does not fit this link.", { name: titleOf(definitions, change.node(id)) }));
  const { from, slot, to, input, via } = /** @type {Link} */ (change.graph.links.get(link));
  const first = connect(change, definitions, from, slot, id, place.input, via);
  return [first, connect(change, definitions, id, place.slot, to, input)];
}

/**
 * Moves every link of an output to another output.
 * @param {Transaction} change @param {Definitions} definitions
 * @param {string} from @param {number} slot @param {string} other @param {number} otherSlot
 */
export function moveOutputLinks(change, definitions, from, slot, other, otherSlot) {
  for (const link of change.graph.linksFrom(from)) {
    if (link.slot === slot) connect(change, definitions, other, otherSlot, link.to, link.input, link.via);
  }
  for (const link of [...change.graph.floating.values()]) {
    if (link.from === from && link.slot === slot) change.put("floating", { ...link, from: other, slot: otherSlot });
  }
}

/**
 * Exchanges what feeds two inputs.
 * @param {Transaction} change @param {Definitions} definitions
 * @param {readonly [string, string]} one node and input @param {readonly [string, string]} other
 */
export function swapInputs(change, definitions, one, other) {
  const [first, second] = [change.graph.linkInto(...one), change.graph.linkInto(...other)];
  for (const link of [first, second]) if (link) change.remove("link", link.id);
  if (first) connect(change, definitions, first.from, first.slot, ...other, first.via);
  if (second) connect(change, definitions, second.from, second.slot, ...one, second.via);
}

/**
 * Leads a new link from a reroute to an input; what hung from the reroute without an end is gone.
 * @param {Transaction} change @param {Definitions} definitions @param {string} reroute @param {string} to @param {string} input
 * @returns {Link}
 */
export function connectReroute(change, definitions, reroute, to, input) {
  const origin = originOf(change.graph, reroute);
  if (!origin) throw new Error(t("Nothing feeds this reroute yet."));
  const link = connect(change, definitions, origin.from, origin.slot, to, input, reroute);
  for (const loose of [...change.graph.floating.values()]) {
    if (loose.via === reroute && loose.to === null) change.remove("floating", loose.id);
  }
  return link;
}

/**
 * Feeds a reroute, and everything that goes through it, from an output.
 * @param {Transaction} change @param {Definitions} definitions @param {string} from @param {number} slot @param {string} reroute
 */
export function feedReroute(change, definitions, from, slot, reroute) {
  const { graph } = change;
  const present = graph.reroutes.get(reroute);
  if (!present) throw new Error(t("The reroute is gone."));
  const { links, floating } = linksThrough(graph, reroute);
  change.put("reroute", { ...present, parent: null });
  pruneReroutes(change, present.parent);
  for (const link of links) connect(change, definitions, from, slot, link.to, link.input, link.via);
  for (const loose of floating) {
    if (loose.to === null) change.put("floating", { ...loose, from, slot });
    else {
      change.remove("floating", loose.id);
      if (!graph.linkInto(loose.to, loose.input)) connect(change, definitions, from, slot, loose.to, loose.input, loose.via);
    }
  }
}

/**
 * The link that a bypassed node lets through to an output: by the same place, then the same type, then one that fits. Sockets
 * count before widgets; where anything is wanted, only the place counts.
 * @param {Graph} graph @param {Definitions} definitions @param {Node} node @param {Link} link the link that leaves it
 * @returns {Link | undefined}
 */
export function letThrough(graph, definitions, node, link) {
  const { inputs, outputs } = slotsOf(definitions, node);
  const target = graph.nodes.get(link.to);
  const wanted = target && inputSlot(definitions, target, link.input)?.type;
  const given = outputs[link.slot]?.type ?? link.type;
  const sockets = [...inputs.filter((slot) => !slot.widget), ...inputs.filter((slot) => slot.widget)];
  const type = wanted ?? link.type;
  const fits = (/** @type {InputSlot | undefined} */ slot) =>
    slot !== undefined && typesMatch(slot.type, type) && typesMatch(slot.type, given);
  const same = sockets[link.slot];
  if (type === "*" || type === "") {
    const any = same ?? sockets[0];
    return any && graph.linkInto(node.id, any.name);
  }
  const chosen = fits(same) ? same : sockets.find((slot) => slot.type === type) ?? sockets.find(fits);
  return chosen && graph.linkInto(node.id, chosen.name);
}

/**
 * Removes nodes and links what fed them to what they fed, as if they had been bypassed.
 * @param {Transaction} change @param {Definitions} definitions @param {Iterable<string>} ids
 */
export function removeNodesBridged(change, definitions, ids) {
  const { graph } = change;
  for (const id of ids) {
    const node = graph.nodes.get(id);
    if (!node) continue;
    for (const link of graph.linksFrom(id)) {
      const feed = letThrough(graph, definitions, node, link);
      if (!feed) continue;
      const { from, slot, type } = feed;
      change.remove("link", link.id);
      change.put("link", { ...link, id: newId(), key: nextLinkKey(change), from, slot, type, via: joinChains(change, feed.via, link.via) });
    }
    removeNodes(change, [id]);
  }
}

/**
 * Puts each of two nodes where the other was, links and all: inputs by their names, outputs by their places. A link between the two,
 * and one that does not fit, is gone.
 * @param {Transaction} change @param {Definitions} definitions @param {string} one @param {string} other
 */
export function swapNodes(change, definitions, one, other) {
  const { graph } = change;
  const partner = (/** @type {string} */ id) => (id === one ? other : id === other ? one : id);
  const links = [...new Set([one, other].flatMap((id) => [...graph.linksInto(id), ...graph.linksFrom(id)]))];
  for (const link of links) change.remove("link", link.id);
  for (const link of links) {
    const [from, to] = [partner(link.from), partner(link.to)];
    const isInner = [one, other].includes(link.from) && [one, other].includes(link.to);
    if (!isInner && checkLink(graph, definitions, from, link.slot, to, link.input).ok) change.put("link", { ...link, from, to });
  }
  const [first, second] = [change.node(one), change.node(other)];
  change.put("node", { ...first, position: second.position });
  change.put("node", { ...second, position: first.position });
}
