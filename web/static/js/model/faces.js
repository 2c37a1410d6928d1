/** What extensions make of nodes: sockets and widgets other than their definition gives. Never part of the document. */

/** @import { Slots } from "./types.js" */

/** @type {Map<string, Slots>} */
const faces = new Map();

/**
 * Widgets that extensions bring for types of inputs, by type.
 * @type {Map<string, Readonly<{fallback: any, height: number}>>}
 */
export const guestWidgets = new Map();

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
