/** The labels at the ends of hidden links: where they stand and what they say. */

/** @import { Bounds, Link, Point } from "../model/types.js" */
/** @import { PlacedLink, Scene } from "./scene.js" */

import { outputSlot, titleOf } from "../model/slots.js";

const HEIGHT = 18;
const GAP = 12;
const LETTER = 6.4;
const PADDING = 16;
const MOST_LETTERS = 18;

/** @typedef {Readonly<{bounds: Bounds, text: string, type: string, link: Link}>} Pill */

/** @param {string} text @returns {string} */
function short(text) {
  return text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS - 1)}…` : text;
}

/**
 * The two labels of a hidden link: where it goes, beside the output, and where it comes from, beside the input.
 * @param {Scene} scene @param {PlacedLink} placed
 * @returns {Pill[]}
 */
export function pillsOf({ store }, { link, path }) {
  const { graph, definitions } = store;
  const [from, to] = [graph.nodes.get(link.from), graph.nodes.get(link.to)];
  if (!from || !to || path.length === 0) return [];
  const start = path[0][0];
  const end = path[path.length - 1][3];
  const name = outputSlot(definitions, from, link.slot)?.label ?? link.type;
  const mates = graph.linksFrom(from.id).filter((other) => other.slot === link.slot && other.hidden);
  const goes = mates.length > 1 ? `${name} → ${mates.length}` : `→ ${titleOf(definitions, to)}`;
  const comes = `${titleOf(definitions, from)} · ${name}`;
  const pills = [pill(link, end, comes, -1)];
  if (mates.length <= 1 || mates[0].id === link.id) pills.push(pill(link, start, goes, 1));
  return pills;
}

/** @param {Link} link @param {Point} at @param {string} words @param {1 | -1} side @returns {Pill} */
function pill(link, [x, y], words, side) {
  const text = short(words);
  const width = text.length * LETTER + PADDING;
  const left = side > 0 ? x + GAP : x - GAP - width;
  return { bounds: [left, y - HEIGHT / 2, width, HEIGHT], text, type: link.type, link };
}
