/** Boxes that a person draws on a sheet: found under the pointer, moved, resized, kept inside. All in pixels of the sheet. */

/** @typedef {Readonly<{x: number, y: number, width: number, height: number}> & Record<string, any>} Box with whatever else is known of it */
/** @typedef {"inside" | "nw" | "ne" | "sw" | "se"} Grip */

const LEAST_SIDE = 1;

/** @param {any} one */
function isBox(one) {
  return one !== null && typeof one === "object" && ["x", "y", "width", "height"].every((name) => Number.isFinite(one[name]));
}

/** The boxes in a value: one, or a list. @param {any} value @returns {Box[]} */
export function boxesOf(value) {
  return (Array.isArray(value) ? value.flat() : [value]).filter(isBox);
}

/** @param {number} one @param {number} other @param {number} limit @returns {[number, number]} where it begins and how long it is */
function span(one, other, limit) {
  const [first, last] = [Math.min(one, other), Math.max(one, other)].map((value) => Math.round(Math.max(0, Math.min(limit, value))));
  const start = Math.min(first, limit - LEAST_SIDE);
  return [start, Math.max(LEAST_SIDE, last - start)];
}

/**
 * The box between two corners.
 * @param {readonly [number, number]} one @param {readonly [number, number]} other @param {readonly [number, number]} sheet its size
 * @param {Box} [like] whose other facts it has @returns {Box}
 */
export function boxBetween(one, other, sheet, like) {
  const [[x, width], [y, height]] = [span(one[0], other[0], sheet[0]), span(one[1], other[1], sheet[1])];
  return { ...like, x, y, width, height };
}

/** @param {Box} box @param {Grip} grip @returns {[[number, number], [number, number]]} the corner that is held and the one that stays */
export function cornersOf({ x, y, width, height }, grip) {
  const [left, right] = grip.endsWith("w") ? [x, x + width] : [x + width, x];
  const [top, bottom] = grip.startsWith("n") ? [y, y + height] : [y + height, y];
  return [[left, top], [right, bottom]];
}

/**
 * A box moved, wholly on the sheet. @param {Box} box @param {number} across @param {number} down
 * @param {readonly [number, number]} sheet @returns {Box}
 */
export function movedBox(box, across, down, [width, height]) {
  const limit = (/** @type {number} */ value, /** @type {number} */ most) => Math.round(Math.max(0, Math.min(Math.max(0, most), value)));
  return { ...box, x: limit(box.x + across, width - box.width), y: limit(box.y + down, height - box.height) };
}

/**
 * What of which box is at a place; the one drawn last is on top.
 * @param {readonly Box[]} boxes @param {readonly [number, number]} at @param {number} reach of the corners
 * @returns {{index: number, grip: Grip} | null}
 */
export function gripAt(boxes, [x, y], reach) {
  for (let index = boxes.length - 1; index >= 0; index -= 1) {
    const box = boxes[index];
    for (const grip of /** @type {const} */ (["se", "sw", "ne", "nw"])) {
      const [[left, top]] = cornersOf(box, grip);
      if (Math.abs(left - x) <= reach && Math.abs(top - y) <= reach) return { index, grip };
    }
    if (x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height) return { index, grip: "inside" };
  }
  return null;
}
