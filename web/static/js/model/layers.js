/**
 * Layered layout of boxes from left to right: layers by longest path, order by sweeps of medians over layers with stand-ins for
 * long links (Sugiyama, Tagawa and Toda 1981), heights by least squares that keep the order (pool adjacent violators).
 */

/** @typedef {{id: string, width: number, height: number}} Box */
/**
 * A link between boxes; heights of its ends are measured from the tops of the boxes.
 * @typedef {{from: string, to: string, out: number, into: number}} Edge
 */
/** @typedef {{across: number, down: number}} Gaps */
/**
 * @typedef {{id: string, width: number, height: number, layer: number, order: number, y: number, isReal: boolean,
 *   before: {other: Place, shift: number}[], after: {other: Place, shift: number}[]}} Place
 */

const SWEEPS = 8;
const SETTLINGS = 6;
const LANE = 14;

/**
 * Corners of boxes, the whole beginning at 0, 0.
 * @param {readonly Box[]} boxes @param {readonly Edge[]} edges links to other boxes, and round in a circle, are left out
 * @param {Gaps} gaps
 * @returns {Map<string, [number, number]>}
 */
export function layerBoxes(boxes, edges, gaps) {
  /** @type {Map<string, Place>} */
  const places = new Map();
  for (const box of boxes) places.set(box.id, { ...box, layer: 0, order: 0, y: 0, isReal: true, before: [], after: [] });
  const forward = withoutCircles(places, edges);
  rank(places, forward);
  const layers = layersOf(places, forward);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) sortLayers(layers, sweep % 2 === 0);
  for (const layer of layers) stack(layer, gaps.down);
  for (let round = 0; round < SETTLINGS; round += 1) settle(layers, round % 2 === 0, gaps.down);
  return corners(layers, gaps);
}

/**
 * The edges among the boxes that do not close a circle. Iterative, so that a long chain is no problem.
 * @param {ReadonlyMap<string, Place>} places @param {readonly Edge[]} edges
 * @returns {Edge[]}
 */
function withoutCircles(places, edges) {
  /** @type {Map<string, Edge[]>} */
  const leaving = new Map([...places.keys()].map((id) => [id, []]));
  for (const edge of edges) if (edge.from !== edge.to && places.has(edge.to)) leaving.get(edge.from)?.push(edge);
  /** @type {Edge[]} */
  const kept = [];
  /** @type {Map<string, "open" | "done">} */
  const seen = new Map();
  for (const start of places.keys()) {
    if (seen.has(start)) continue;
    seen.set(start, "open");
    const path = [{ id: start, next: 0 }];
    while (path.length > 0) {
      const top = path[path.length - 1];
      const edge = leaving.get(top.id)?.[top.next++];
      if (!edge) {
        seen.set(top.id, "done");
        path.pop();
      } else if (seen.get(edge.to) !== "open") {
        kept.push(edge);
        if (seen.has(edge.to)) continue;
        seen.set(edge.to, "open");
        path.push({ id: edge.to, next: 0 });
      }
    }
  }
  return kept;
}

/**
 * Gives every box its layer; what nothing feeds stands right before what it feeds.
 * @param {ReadonlyMap<string, Place>} places @param {readonly Edge[]} edges
 */
function rank(places, edges) {
  /** @type {Map<string, Edge[]>} */
  const leaving = new Map();
  /** @type {Map<string, number>} */
  const waiting = new Map();
  for (const edge of edges) {
    const known = leaving.get(edge.from);
    if (known) known.push(edge);
    else leaving.set(edge.from, [edge]);
    waiting.set(edge.to, (waiting.get(edge.to) ?? 0) + 1);
  }
  const ready = [...places.keys()].filter((id) => !waiting.has(id));
  const sources = [...ready];
  for (const id of ready) {
    const from = /** @type {Place} */ (places.get(id));
    for (const { to } of leaving.get(id) ?? []) {
      const target = /** @type {Place} */ (places.get(to));
      target.layer = Math.max(target.layer, from.layer + 1);
      const left = (waiting.get(to) ?? 1) - 1;
      waiting.set(to, left);
      if (left === 0) ready.push(to);
    }
  }
  for (const id of sources) {
    const targets = (leaving.get(id) ?? []).map(({ to }) => /** @type {Place} */ (places.get(to)).layer);
    if (targets.length > 0) /** @type {Place} */ (places.get(id)).layer = Math.max(0, Math.min(...targets) - 1);
  }
}

/**
 * The layers, with a stand-in wherever a link passes one.
 * @param {ReadonlyMap<string, Place>} places @param {readonly Edge[]} edges
 * @returns {Place[][]}
 */
function layersOf(places, edges) {
  /** @type {Place[][]} */
  const layers = [];
  const add = (/** @type {Place} */ place) => void (layers[place.layer] ??= []).push(place);
  for (const place of places.values()) add(place);
  const join = (/** @type {Place} */ one, /** @type {number} */ out, /** @type {Place} */ other, /** @type {number} */ into) => {
    one.after.push({ other, shift: into - out });
    other.before.push({ other: one, shift: out - into });
  };
  for (const { from, to, out, into } of edges) {
    const target = /** @type {Place} */ (places.get(to));
    let last = /** @type {Place} */ (places.get(from));
    let end = out;
    for (let layer = last.layer + 1; layer < target.layer; layer += 1) {
      /** @type {Place} */
      const lane = { id: "", width: 0, height: LANE, layer, order: 0, y: 0, isReal: false, before: [], after: [] };
      add(lane);
      join(last, end, lane, LANE / 2);
      [last, end] = [lane, LANE / 2];
    }
    join(last, end, target, into);
  }
  for (const layer of layers) layer.forEach((place, index) => (place.order = index));
  return layers;
}

/** @param {readonly number[]} values @returns {number} */
function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Orders each layer by the middle of what it is linked with. @param {Place[][]} layers @param {boolean} isForward */
function sortLayers(layers, isForward) {
  for (const layer of isForward ? layers : [...layers].reverse()) {
    const wish = new Map(layer.map((place) => {
      const mates = isForward ? place.before : place.after;
      const share = (/** @type {{other: Place, shift: number}} */ { other, shift }) => other.order - shift / 10000;
      return [place, mates.length > 0 ? median(mates.map(share)) : place.order];
    }));
    layer.sort((one, other) => (wish.get(one) ?? 0) - (wish.get(other) ?? 0) || one.order - other.order);
    layer.forEach((place, index) => (place.order = index));
  }
}

/** @param {readonly Place[]} layer @param {number} gap */
function stack(layer, gap) {
  let y = 0;
  for (const place of layer) {
    place.y = y;
    y += place.height + (place.isReal ? gap : LANE);
  }
}

/**
 * Moves the boxes of each layer towards what they are linked with, in their order.
 * @param {Place[][]} layers @param {boolean} isForward @param {number} gap
 */
function settle(layers, isForward, gap) {
  for (const layer of isForward ? layers : [...layers].reverse()) {
    const wishes = layer.map((place) => {
      const mates = isForward ? place.before : place.after;
      const chosen = mates.length > 0 ? mates : isForward ? place.after : place.before;
      return chosen.length > 0 ? median(chosen.map(({ other, shift }) => other.y - shift)) : place.y;
    });
    keepOrder(layer, wishes, gap);
  }
}

/**
 * Puts boxes as near to where they wish to be as their order and gaps allow, by least squares.
 * @param {readonly Place[]} layer @param {readonly number[]} wishes @param {number} gap
 */
function keepOrder(layer, wishes, gap) {
  /** @type {{sum: number, count: number, first: number}[]} */
  const blocks = [];
  let offset = 0;
  const offsets = layer.map((place, index) => {
    if (index > 0) offset += layer[index - 1].height + (layer[index - 1].isReal && place.isReal ? gap : gap / 2);
    return offset;
  });
  for (const [index, wish] of wishes.entries()) {
    blocks.push({ sum: wish - offsets[index], count: 1, first: index });
    while (blocks.length > 1) {
      const [one, other] = [blocks[blocks.length - 2], blocks[blocks.length - 1]];
      if (one.sum / one.count <= other.sum / other.count) break;
      one.sum += other.sum;
      one.count += other.count;
      blocks.pop();
    }
  }
  for (const { sum, count, first } of blocks) {
    for (let index = first; index < first + count; index += 1) layer[index].y = sum / count + offsets[index];
  }
}

/** @param {readonly Place[][]} layers @param {Gaps} gaps @returns {Map<string, [number, number]>} */
function corners(layers, gaps) {
  /** @type {Map<string, [number, number]>} */
  const found = new Map();
  const top = Math.min(...layers.flat().filter((place) => place.isReal).map((place) => place.y));
  let x = 0;
  for (const layer of layers) {
    for (const place of layer) if (place.isReal) found.set(place.id, [x, Math.round(place.y - top)]);
    x += Math.max(0, ...layer.map((place) => place.width)) + gaps.across;
  }
  return found;
}
