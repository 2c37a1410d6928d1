/** Whether a link may be made, and in words why not. */

/** @import { Graph } from "./document.js" */
/** @import { Definitions, Verdict } from "./types.js" */

import { inputSlot, outputSlot, titleOf } from "./slots.js";
import { t } from "../words.js";

/** @type {Verdict} */
const FINE = Object.freeze({ ok: true });

/**
 * Whether a value of one type may go where another is wanted: unions share a member, "*" takes all, case does not matter.
 * @param {string} given @param {string} wanted
 * @returns {boolean}
 */
export function typesMatch(given, wanted) {
  if (given === wanted) return true;
  const offers = members(given);
  const wants = members(wanted);
  if (offers.includes("*") || wants.includes("*")) return true;
  return offers.some((offer) => wants.includes(offer));
}

/** @param {string} type @returns {string[]} */
function members(type) {
  if (type === "" || type === "0") return ["*"];
  return type.toUpperCase().split(",").map((member) => member.trim());
}

/**
 * Whether what leaves `from` reaches `to`, following links forward. Iterative: graphs may be long.
 * @param {Graph} graph @param {string} from @param {string} to
 * @returns {boolean}
 */
export function reaches(graph, from, to) {
  const seen = new Set([from]);
  const waiting = [from];
  while (waiting.length > 0) {
    const id = /** @type {string} */ (waiting.pop());
    if (id === to) return true;
    for (const link of graph.linksFrom(id)) {
      if (!seen.has(link.to)) {
        seen.add(link.to);
        waiting.push(link.to);
      }
    }
  }
  return false;
}

/**
 * Whether a link from an output to an input may be made.
 * @param {Graph} graph @param {Definitions} definitions
 * @param {string} from @param {number} slot @param {string} to @param {string} input
 * @returns {Verdict}
 */
export function checkLink(graph, definitions, from, slot, to, input) {
  const origin = graph.nodes.get(from);
  const target = graph.nodes.get(to);
  if (!origin || !target) return refuse("missing", t("One of the two nodes is gone."));
  if (from === to) return refuse("self", t("A node cannot feed itself."));
  const output = outputSlot(definitions, origin, slot);
  const wanted = inputSlot(definitions, target, input);
  if (!output || !wanted) return refuse("slot", t("That socket does not exist."));
  if (target.type === "PrimitiveNode") return refuse("slot", t("A primitive holds a value of its own; nothing can be linked to it."));
  if (!typesMatch(output.type, wanted.type)) {
    return refuse("type", t("\"{name}\" takes {wanted}, not {given}.", { name: wanted.label, wanted: spoken(wanted.type), given: spoken(output.type) }));
  }
  if (reaches(graph, to, from)) {
    const names = [titleOf(definitions, target), titleOf(definitions, origin)];
    return refuse("cycle", t("This would make a loop: {one} already feeds {other}.", { one: names[0], other: names[1] }));
  }
  return FINE;
}

/** @param {string} type @returns {string} */
export function spoken(type) {
  return members(type).join(" or ").replace("*", "anything");
}

/** @param {string} code @param {string} reason @returns {Verdict} */
function refuse(code, reason) {
  return Object.freeze({ ok: false, code, reason });
}
