/** The path of a link: curves or lines from point to point, and how far a place is from them. */

/** @import { Bounds, Point } from "../model/types.js" */

/** @typedef {"spline" | "linear" | "straight" | "hidden"} LinkStyle */
/** @typedef {[Point, Point, Point, Point]} Segment a cubic curve, or the corners of a line, by the style of links */

const STUB = 18;

/**
 * The four points of the cubic curve between two places.
 * @param {Point} from @param {Point} to
 * @returns {Segment}
 */
export function curve(from, to) {
  const across = to[0] - from[0];
  const down = Math.abs(to[1] - from[1]);
  const reach = across >= 0 ? Math.min(160, Math.max(across * 0.5, Math.min(40, down * 0.5))) : Math.min(220, 60 - across * 0.35);
  return [from, [from[0] + reach, from[1]], [to[0] - reach, to[1]], to];
}

/**
 * The way between two places in a style.
 * @param {Point} from @param {Point} to @param {LinkStyle} style
 * @returns {Segment}
 */
export function segment(from, to, style) {
  if (style === "linear") return [from, [from[0] + STUB, from[1]], [to[0] - STUB, to[1]], to];
  if (style !== "straight") return curve(from, to);
  const middle = (from[0] + to[0]) / 2;
  return [from, [middle, from[1]], [middle, to[1]], to];
}

/**
 * The way through several places.
 * @param {readonly Point[]} places @param {LinkStyle} style
 * @returns {Segment[]}
 */
export function route(places, style) {
  return places.slice(1).map((place, index) => segment(places[index], place, style));
}

/**
 * Bounds that hold a whole path.
 * @param {readonly Segment[]} path
 * @returns {Bounds}
 */
export function pathBounds(path) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const points of path) {
    for (const [x, y] of points) {
      left = Math.min(left, x);
      top = Math.min(top, y);
      right = Math.max(right, x);
      bottom = Math.max(bottom, y);
    }
  }
  return [left, top, right - left, bottom - top];
}

/**
 * A place on a segment.
 * @param {Segment} points @param {number} t from 0 to 1 @param {LinkStyle} style
 * @returns {[number, number]}
 */
export function along([a, b, c, d], t, style = "spline") {
  if (style === "linear" || style === "straight") return alongLine([a, b, c, d], t);
  const s = 1 - t;
  const weights = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
  return [
    a[0] * weights[0] + b[0] * weights[1] + c[0] * weights[2] + d[0] * weights[3],
    a[1] * weights[0] + b[1] * weights[1] + c[1] * weights[2] + d[1] * weights[3],
  ];
}

/** @param {Segment} points @param {number} t of the length @returns {[number, number]} */
function alongLine(points, t) {
  const lengths = [0, 1, 2].map((index) => Math.hypot(points[index + 1][0] - points[index][0], points[index + 1][1] - points[index][1]));
  let left = t * (lengths[0] + lengths[1] + lengths[2]);
  let index = 0;
  while (index < 2 && left > lengths[index]) left -= lengths[index++];
  const part = lengths[index] === 0 ? 0 : left / lengths[index];
  const [from, to] = [points[index], points[index + 1]];
  return [from[0] + (to[0] - from[0]) * part, from[1] + (to[1] - from[1]) * part];
}

/**
 * The distance of a place from a segment, to within a pixel or so.
 * @param {Segment} points @param {number} x @param {number} y @param {LinkStyle} style
 * @returns {number}
 */
export function distanceTo(points, x, y, style = "spline") {
  if (style === "linear" || style === "straight") {
    return Math.min(...[0, 1, 2].map((index) => distanceToLine(points[index], points[index + 1], x, y)));
  }
  let nearest = Infinity;
  let last = points[0];
  for (let step = 1; step <= 24; step += 1) {
    const next = along(points, step / 24);
    nearest = Math.min(nearest, distanceToLine(last, next, x, y));
    last = next;
  }
  return nearest;
}

/** @param {Point} a @param {Point} b @param {number} x @param {number} y @returns {number} */
function distanceToLine(a, b, x, y) {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - a[0]) * dx + (y - a[1]) * dy) / length));
  return Math.hypot(a[0] + t * dx - x, a[1] + t * dy - y);
}

/**
 * Whether a stroke from one place to the next crosses a path.
 * @param {readonly Segment[]} path @param {Point} from @param {Point} to @param {LinkStyle} style
 * @returns {boolean}
 */
export function crosses(path, from, to, style = "spline") {
  for (const points of path) {
    let last = points[0];
    for (let step = 1; step <= 24; step += 1) {
      const next = along(points, step / 24, style);
      if (meet(last, next, from, to)) return true;
      last = next;
    }
  }
  return false;
}

/** @param {Point} a @param {Point} b @param {Point} c @param {Point} d @returns {boolean} whether two lines cross */
function meet(a, b, c, d) {
  const side = (/** @type {Point} */ p, /** @type {Point} */ q, /** @type {Point} */ r) =>
    Math.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]));
  return side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b);
}
