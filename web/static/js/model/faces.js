/** What extensions make of nodes: sockets and widgets other than their definition gives. Never part of the document. */

/** @import { Slots } from "./types.js" */

/** @type {Map<string, Slots>} */
const faces = new Map();

/**
 * Widgets for types of inputs that something else paints, by type: those of the page itself, and those that extensions bring.
 * @type {Map<string, Readonly<{fallback: any, height: number, hidden?: boolean}>>}
 */
export const guestWidgets = new Map([
  ["CURVE", { fallback: { points: [[0, 0], [1, 1]], interpolation: "monotone_cubic" }, height: 190 }],
  ["BOUNDING_BOXES", { fallback: [], height: 220 }],
  ["IMAGECOMPARE", { fallback: "", height: 0, hidden: true }],
  ["COMPOSITOR", { fallback: "", height: 0, hidden: true }],
  ["BOUNDING_BOX", { fallback: { x: 0, y: 0, width: 512, height: 512 }, height: 200 }],
]);

/**
 * The sockets and widgets that an extension gives a node.
 * @param {string} id
 * @returns {Slots | undefined}
 */
export function faceOf(id) {
  return faces.size === 0 ? undefined : faces.get(id);
}

/**
 * Gives a node other sockets and widgets, or with null those of its definition again. The store must be told.
 * @param {string} id @param {Slots | null} face
 */
export function setFace(id, face) {
  if (face) faces.set(id, face);
  else faces.delete(id);
}
