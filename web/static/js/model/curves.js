/** The curve between points that a person sets: straight lines, or smooth without overshooting. */

/** @typedef {readonly [number, number]} Point from 0 to 1 */
/** @typedef {Readonly<{points: readonly Point[], interpolation: "linear" | "monotone_cubic"}>} Curve points in the order of x */

const LEAST_GAP = 1e-3;

/** @type {Curve} */
export const STRAIGHT = Object.freeze({ points: [/** @type {Point} */ ([0, 0]), /** @type {Point} */ ([1, 1])], interpolation: "monotone_cubic" });

/**
 * The curve in a value, whatever a file holds; the straight one where it holds none.
 * @param {any} value @returns {Curve}
 */
export function curveOf(value) {
  const points = Array.isArray(value) ? value : value?.points;
  const isPoint = (/** @type {any} */ one) => Array.isArray(one) && one.length === 2 && one.every((part) => typeof part === "number" && part >= 0 && part <= 1);
  if (!Array.isArray(points) || points.length < 2 || !points.every(isPoint)) return STRAIGHT;
  return { points: [...points].sort((one, other) => one[0] - other[0]), interpolation: value?.interpolation === "linear" ? "linear" : "monotone_cubic" };
}

/**
 * The slopes at the points, so that the curve between them never leaves the range of their values.
 *
 * Source: Fritsch and Carlson, Monotone piecewise cubic interpolation (1980), with the weighted harmonic mean of
 * Fritsch and Butland (1984) for the inner slopes.
 * @param {readonly Point[]} points @returns {number[]}
 */
function slopesOf(points) {
  const widths = points.slice(1).map(([x], index) => Math.max(LEAST_GAP, x - points[index][0]));
  const rises = points.slice(1).map(([, y], index) => (y - points[index][1]) / widths[index]);
  return points.map((_point, index) => {
    if (index === 0) return rises[0];
    if (index === rises.length) return rises[index - 1];
    const [before, after] = [rises[index - 1], rises[index]];
    if (before * after <= 0) return 0;
    const [left, right] = [widths[index - 1], widths[index]];
    const [first, second] = [2 * right + left, right + 2 * left];
    return (first + second) / (first / before + second / after);
  });
}

/**
 * The height of the curve at a place; level outside the points.
 * @param {Curve} curve @param {number} x
 * @returns {number} from 0 to 1
 */
export function heightAt({ points, interpolation }, x) {
  const last = points.length - 1;
  if (x <= points[0][0]) return points[0][1];
  if (x >= points[last][0]) return points[last][1];
  const index = points.findLastIndex((point) => point[0] <= x);
  const [[left, low], [right, high]] = [points[index], points[index + 1]];
  const width = Math.max(LEAST_GAP, right - left);
  const part = Math.min(1, (x - left) / width);
  if (interpolation === "linear") return low + (high - low) * part;
  const slopes = slopesOf(points);
  const [square, cube] = [part * part, part * part * part];
  const height = (2 * cube - 3 * square + 1) * low + (cube - 2 * square + part) * width * slopes[index] +
    (3 * square - 2 * cube) * high + (cube - square) * width * slopes[index + 1];
  return Math.max(0, Math.min(1, height));
}

/** @param {Curve} curve @param {Point} at @param {readonly [number, number]} reach across and up @returns {number} the point there, or -1 */
export function pointAt({ points }, [x, y], [across, up]) {
  const distances = points.map((point) => Math.hypot((point[0] - x) / across, (point[1] - y) / up));
  const least = Math.min(...distances);
  return least <= 1 ? distances.indexOf(least) : -1;
}

/**
 * The curve with a point more; `index` is where it stands.
 * @param {Curve} curve @param {Point} at @returns {{curve: Curve, index: number}}
 */
export function withPoint(curve, at) {
  const points = [...curve.points, at].sort((one, other) => one[0] - other[0]);
  return { curve: { ...curve, points }, index: points.indexOf(at) };
}

/** The curve with a point elsewhere: it never passes its neighbours. @param {Curve} curve @param {number} index @param {Point} at @returns {Curve} */
export function withPointAt(curve, index, [x, y]) {
  const { points } = curve;
  const least = index === 0 ? 0 : points[index - 1][0] + LEAST_GAP;
  const most = index === points.length - 1 ? 1 : points[index + 1][0] - LEAST_GAP;
  const limited = /** @type {Point} */ ([round(Math.max(least, Math.min(most, x))), round(Math.max(0, Math.min(1, y)))]);
  return { ...curve, points: points.map((point, place) => (place === index ? limited : point)) };
}

/** The curve without a point; the last two stay. @param {Curve} curve @param {number} index @returns {Curve} */
export function withoutPoint(curve, index) {
  return curve.points.length <= 2 ? curve : { ...curve, points: curve.points.filter((_point, place) => place !== index) };
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 1e4) / 1e4;
}
