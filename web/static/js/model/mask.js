/** A mask over a picture: how much of each pixel is to be painted anew. Strokes, changes of all of it, and their history. */

/** @typedef {[number, number, number, number]} Area left, top, right, bottom; right and bottom are outside */
/** @typedef {{area: Area, before: Uint8Array, after: Uint8Array}} Step */

const MOST_BYTES = 96 * 2 ** 20;

/** Values from 0 (kept) to 255 (painted anew), row by row. */
export class Mask {
  /** @param {number} width @param {number} height in pixels of the picture */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.data = new Uint8Array(width * height);
    /** @type {Step[]} */ this.past = [];
    /** @type {Step[]} */ this.future = [];
    /** @type {Uint8Array | null} how it was when the stroke began */ this.start = null;
    /** @type {Area | null} */ this.touched = null;
  }

  /** Begins what is undone as one. */
  begin() {
    this.start = this.data.slice();
    this.touched = null;
  }

  /** Ends it. */
  end() {
    const { start, touched } = this;
    this.start = null;
    if (!start || !touched) return;
    this.past.push({ area: touched, before: this.cut(start, touched), after: this.cut(this.data, touched) });
    this.future = [];
    let bytes = 0;
    const first = this.past.findLastIndex((step) => (bytes += 2 * step.before.length) > MOST_BYTES);
    if (first >= 0 && first < this.past.length - 1) this.past.splice(0, first + 1);
  }

  /** @private @param {Uint8Array} source @param {Area} area */
  cut(source, [left, top, right, bottom]) {
    const part = new Uint8Array((right - left) * (bottom - top));
    for (let y = top; y < bottom; y += 1) part.set(source.subarray(y * this.width + left, y * this.width + right), (y - top) * (right - left));
    return part;
  }

  /** @private @param {Uint8Array} part @param {Area} area */
  paste(part, [left, top, right, bottom]) {
    const width = right - left;
    for (let y = top; y < bottom; y += 1) this.data.set(part.subarray((y - top) * width, (y - top + 1) * width), y * this.width + left);
  }

  /** @returns {Area | null} what changed */
  undo() {
    const step = this.past.pop();
    if (!step) return null;
    this.paste(step.before, step.area);
    this.future.push(step);
    return step.area;
  }

  /** @returns {Area | null} what changed */
  redo() {
    const step = this.future.pop();
    if (!step) return null;
    this.paste(step.after, step.area);
    this.past.push(step);
    return step.area;
  }

  /**
   * Draws a line with a round brush.
   * @param {readonly [number, number]} from @param {readonly [number, number]} to in pixels of the picture
   * @param {{radius: number, hardness: number, erases: boolean}} brush `hardness` is the part of the radius that is full, 0 to 1
   * @returns {Area} what changed
   */
  stroke([x0, y0], [x1, y1], { radius, hardness, erases }) {
    const area = this.clip([Math.min(x0, x1) - radius, Math.min(y0, y1) - radius, Math.max(x0, x1) + radius + 1, Math.max(y0, y1) + radius + 1]);
    const [left, top, right, bottom] = area;
    const [dx, dy] = [x1 - x0, y1 - y0];
    const length = dx * dx + dy * dy;
    const inner = radius * hardness;
    const fade = Math.max(1, radius - inner);
    for (let y = top; y < bottom; y += 1) {
      for (let x = left; x < right; x += 1) {
        const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
        const along = length === 0 ? 0 : Math.max(0, Math.min(1, (px * dx + py * dy) / length));
        const distance = Math.hypot(px - along * dx, py - along * dy);
        if (distance >= inner + fade) continue;
        const cover = Math.round(255 * Math.min(1, 1 - (distance - inner) / fade));
        const index = y * this.width + x;
        this.data[index] = erases ? Math.min(this.data[index], 255 - cover) : Math.max(this.data[index], cover);
      }
    }
    this.touch(area);
    return area;
  }

  /** Changes all of it as one step. @param {(data: Uint8Array) => void} change @returns {Area} */
  whole(change) {
    this.begin();
    change(this.data);
    const area = this.all;
    this.touch(area);
    this.end();
    return area;
  }

  /** What is painted anew is kept, and the other way round. */
  invert() {
    return this.whole((data) => data.forEach((value, index) => (data[index] = 255 - value)));
  }

  /** Nothing is painted anew. */
  clear() {
    return this.whole((data) => data.fill(0));
  }

  /** Softens the edges. @param {number} radius in pixels */
  feather(radius) {
    return this.whole((data) => {
      for (let pass = 0; pass < 3; pass += 1) {
        blur(data, this.width, this.height, 1, this.width, radius);
        blur(data, this.height, this.width, this.width, 1, radius);
      }
    });
  }

  /** @returns {Area} */
  get all() {
    return [0, 0, this.width, this.height];
  }

  /** Whether nothing is painted. */
  get isEmpty() {
    return this.data.every((value) => value === 0);
  }

  /** @private @param {Area} area */
  touch([left, top, right, bottom]) {
    if (right <= left || bottom <= top) return;
    const { touched } = this;
    this.touched = touched === null ? [left, top, right, bottom]
      : [Math.min(touched[0], left), Math.min(touched[1], top), Math.max(touched[2], right), Math.max(touched[3], bottom)];
  }

  /** @private @param {Area} area @returns {Area} */
  clip([left, top, right, bottom]) {
    const across = (/** @type {number} */ value) => Math.max(0, Math.min(this.width, value));
    const down = (/** @type {number} */ value) => Math.max(0, Math.min(this.height, value));
    return [across(Math.floor(left)), down(Math.floor(top)), across(Math.ceil(right)), down(Math.ceil(bottom))];
  }
}

/**
 * The mean over a window, along every line; three of them are near to a bell curve.
 * @param {Uint8Array} data @param {number} length of a line @param {number} count of lines
 * @param {number} step from one place of a line to the next @param {number} stride from one line to the next @param {number} radius
 */
function blur(data, length, count, step, stride, radius) {
  const reach = Math.max(1, Math.round(radius));
  const line = new Uint8Array(length);
  for (let row = 0; row < count; row += 1) {
    const offset = row * stride;
    for (let index = 0; index < length; index += 1) line[index] = data[offset + index * step];
    const at = (/** @type {number} */ index) => line[Math.max(0, Math.min(length - 1, index))];
    let sum = 0;
    for (let index = -reach; index <= reach; index += 1) sum += at(index);
    for (let index = 0; index < length; index += 1) {
      data[offset + index * step] = Math.round(sum / (2 * reach + 1));
      sum += at(index + reach + 1) - at(index - reach);
    }
  }
}
