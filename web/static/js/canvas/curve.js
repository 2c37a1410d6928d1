/** The path of a link between two points, and how far a place is from it. */

/** @import { Bounds, Point } from "../model/types.js" */

/**
 * The four points of the cubic curve of a link.
 * @param {Point} from @param {Point} to
 * @returns {[Point, Point, Point, Point]}
 */
export function curve(from, to) {
  const across = to[0] - from[0];
  const down = Math.abs(to[1] - from[1]);
  const reach = across >= 0 ? Math.min(160, Math.max(across * 0.5, Math.min(40, down * 0.5))) : Math.min(220, 60 - across * 0.35);
  return [from, [from[0] + reach, from[1]], [to[0] - reach, to[1]], to];
}

/**
 * Bounds that hold the whole curve.
 * @param {[Point, Point, Point, Point]} points
 * @returns {Bounds}
 */
export function curveBounds(points) {
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  const x = Math.min(...xs);
  const y = Math.min(...ys);
  return [x, y, Math.max(...xs) - x, Math.max(...ys) - y];
}

/**
 * A place on the curve.
 * @param {[Point, Point, Point, Point]} points @param {number} t from 0 to 1
 * @returns {[number, number]}
 */
export function along([a, b, c, d], t) {
  const s = 1 - t;
  const weights = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
  return [
    a[0] * weights[0] + b[0] * weights[1] + c[0] * weights[2] + d[0] * weights[3],
    a[1] * weights[0] + b[1] * weights[1] + c[1] * weights[2] + d[1] * weights[3],
  ];
}

/**
 * The distance of a place from the curve, to within a pixel or so.
 * @param {[Point, Point, Point, Point]} points @param {number} x @param {number} y
 * @returns {number}
 */
export function distanceTo(points, x, y) {
  let nearest = Infinity;
  let last = points[0];
  for (let step = 1; step <= 24; step += 1) {
    const next = along(points, step / 24);
    nearest = Math.min(nearest, distanceToSegment(last, next, x, y));
    last = next;
  }
  return nearest;
}

/** @param {Point} a @param {Point} b @param {number} x @param {number} y @returns {number} */
function distanceToSegment(a, b, x, y) {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - a[0]) * dx + (y - a[1]) * dy) / length));
  return Math.hypot(a[0] + t * dx - x, a[1] + t * dy - y);
}
