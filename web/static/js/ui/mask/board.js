/** The picture with its mask on the screen: what is painted, where the eye is, and what pointers and keys do there. */

/** @import { Area, Mask } from "../../model/mask.js" */

import { fillMask } from "../../model/maskfill.js";
import { make } from "../dom.js";
import { t } from "../../words.js";
import { surface } from "./files.js";

const LEAST = 0.05;
const MOST = 32;
const KEY_STEP = 12;
const BLOCK = 4096;

/** @typedef {"brush" | "fill" | "colour"} Tool a stroke, an area of about one colour, or that colour everywhere */
/** @typedef {{radius: number, hardness: number, erases: boolean, tool: Tool, tolerance: number}} Brush */

/** @param {readonly [number, number]} point @param {number} angle in radians @returns {[number, number]} */
export function turned([x, y], angle) {
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  return [cosine * x - sine * y, sine * x + cosine * y];
}

/** Draws and is drawn on. */
export class MaskBoard {
  /** @param {ImageBitmap} picture @param {Mask} mask @param {Brush} brush */
  constructor(picture, mask, brush) {
    this.mask = mask;
    this.brush = brush;
    this.x = 0;
    this.y = 0;
    this.scale = 1;
    this.angle = 0;
    /** @type {Map<number, {x: number, y: number, last: [number, number] | null}>} pointers that are down */ this.pointers = new Map();
    /** @type {{distance: number, x: number, y: number} | null} */ this.pinch = null;
    this.isSpaceHeld = false;
    this.hasPanned = false;
    this.isPenDown = false;
    /** @type {[number, number]} where the keys paint, in pixels of the picture */ this.at = [mask.width / 2, mask.height / 2];
    /** @type {() => void} */ this.onchange = () => undefined;
    const { canvas, context } = surface(mask.width, mask.height);
    const below = surface(mask.width, mask.height);
    below.context.drawImage(picture, 0, 0);
    this.context = context;
    this.below = below.context;
    /** @type {Uint8ClampedArray | null} what the picture shows, read when it is first filled by colour */ this.pixels = null;
    canvas.className = "mask-paint";
    this.sheet = make("div", { className: "mask-sheet" }, below.canvas, canvas);
    this.ring = make("div", { className: "mask-ring", hidden: true });
    this.element = make("div", {
      className: "mask-board", tabIndex: 0, role: "application",
      "aria-label": t("Picture. Arrow keys move the brush, Space puts it down and lifts it or fills, B brushes, E erases, G fills, C takes a colour, [ and ] change its size."),
    }, this.sheet, this.ring);
    this.tint = [31, 119, 107];
    this.listen();
  }

  /** @private */
  listen() {
    const { element } = this;
    element.addEventListener("pointerdown", (event) => this.down(event));
    element.addEventListener("pointermove", (event) => this.move(event));
    for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) element.addEventListener(name, (event) => this.up(event));
    element.addEventListener("pointerleave", () => (this.ring.hidden = true));
    element.addEventListener("contextmenu", (event) => event.preventDefault());
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * 0.0015), event.offsetX, event.offsetY);
    }, { passive: false });
    this.watch = new ResizeObserver(() => this.fit());
    this.watch.observe(element);
  }

  /** Reads the accent, and draws everything. */
  show() {
    const accent = getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
    const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(accent);
    if (hex) this.tint = hex.slice(1).map((part) => parseInt(part, 16));
    this.paint(this.mask.all);
    this.fit();
  }

  /** Shows a part of the mask. @param {Area | null} area */
  paint(area) {
    if (!area) return;
    const [left, top, right, bottom] = area;
    for (let y = top; y < bottom; y += BLOCK) this.paintBlock([left, y, right, Math.min(bottom, y + BLOCK)]);
    this.onchange();
  }

  /** @private @param {Area} area */
  paintBlock([left, top, right, bottom]) {
    if (right <= left || bottom <= top) return;
    const image = this.context.createImageData(right - left, bottom - top);
    let place = 0;
    for (let y = top; y < bottom; y += 1) {
      for (let x = left; x < right; x += 1, place += 4) {
        [image.data[place], image.data[place + 1], image.data[place + 2]] = this.tint;
        image.data[place + 3] = this.mask.data[y * this.mask.width + x] * 0.68;
      }
    }
    this.context.putImageData(image, left, top);
  }

  /** Shows all of the picture. */
  fit() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (width === 0) return;
    this.angle = 0;
    this.scale = Math.min(8, (width - 32) / this.mask.width, (height - 32) / this.mask.height);
    this.x = (width - this.mask.width * this.scale) / 2;
    this.y = (height - this.mask.height * this.scale) / 2;
    this.place();
  }

  /** @param {number} factor @param {number} [x] @param {number} [y] the place that stays, on the board */
  zoom(factor, x = this.element.clientWidth / 2, y = this.element.clientHeight / 2) {
    const scale = Math.max(LEAST, Math.min(MOST, this.scale * factor));
    this.x = x - (x - this.x) * (scale / this.scale);
    this.y = y - (y - this.y) * (scale / this.scale);
    this.scale = scale;
    this.place();
  }

  /** @private */
  place() {
    this.sheet.style.transform = `translate(${this.x}px, ${this.y}px) rotate(${this.angle}rad) scale(${this.scale})`;
    this.sheet.classList.toggle("is-near", this.scale >= 3);
    this.onchange();
  }

  /** Puts the ring of the brush at a place of the board. @param {number} x @param {number} y */
  showRing(x, y) {
    const size = this.brush.tool === "brush" ? Math.max(4, 2 * this.brush.radius * this.scale) : 10;
    this.ring.hidden = false;
    this.ring.style.width = this.ring.style.height = `${size}px`;
    this.ring.style.transform = `translate(${x - size / 2}px, ${y - size / 2}px)`;
  }

  /** @private @param {PointerEvent} event @returns {[number, number]} the place on the board */
  placeOf(event) {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left - this.element.clientLeft, event.clientY - box.top - this.element.clientTop];
  }

  /** @private @param {number} x @param {number} y of the board @returns {[number, number]} of the picture */
  toPicture(x, y) {
    const [across, down] = turned([x - this.x, y - this.y], -this.angle);
    return [across / this.scale, down / this.scale];
  }

  /** @private @param {readonly [number, number]} at of the picture @returns {[number, number]} on the board */
  toBoard([x, y]) {
    const [across, down] = turned([x * this.scale, y * this.scale], this.angle);
    return [this.x + across, this.y + down];
  }

  /** Turns what is seen around the middle of the board; the picture and its mask stay as they are. @param {number} degrees */
  turn(degrees) {
    const middle = [this.element.clientWidth / 2, this.element.clientHeight / 2];
    const by = degrees * Math.PI / 180;
    const [across, down] = turned([this.x - middle[0], this.y - middle[1]], by);
    [this.x, this.y] = [middle[0] + across, middle[1] + down];
    this.angle = Math.round((this.angle + by) * 1e6) / 1e6 % (2 * Math.PI);
    this.place();
  }

  /** @private @param {PointerEvent} event */
  down(event) {
    event.preventDefault();
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    const [x, y] = this.placeOf(event);
    const pans = event.button === 1 || this.isSpaceHeld;
    this.pointers.set(event.pointerId, { x, y, last: null });
    if (this.pointers.size === 2) return this.beginPinch();
    if (pans) this.hasPanned = this.isSpaceHeld;
    if (pans || this.pointers.size > 2) return;
    const at = this.toPicture(x, y);
    if (this.brush.tool !== "brush") return this.fill(at, event.button === 2);
    this.mask.begin();
    /** @type {{last: [number, number] | null}} */ (this.pointers.get(event.pointerId)).last = at;
    this.line(at, at, event);
  }

  /** A second finger: what the first has painted is taken back. @private */
  beginPinch() {
    for (const pointer of this.pointers.values()) {
      if (pointer.last === null) continue;
      pointer.last = null;
      this.mask.end();
      this.paint(this.mask.undo());
      this.mask.future.pop();
    }
    this.pinch = this.spread();
  }

  /** @private @returns {{distance: number, x: number, y: number}} */
  spread() {
    const [one, other] = [...this.pointers.values()];
    return { distance: Math.hypot(one.x - other.x, one.y - other.y), x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
  }

  /** @private @param {PointerEvent} event */
  move(event) {
    const [x, y] = this.placeOf(event);
    if (event.pointerType !== "touch") this.showRing(x, y);
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) return;
    const [dx, dy] = [x - pointer.x, y - pointer.y];
    Object.assign(pointer, { x, y });
    if (this.pinch && this.pointers.size === 2) {
      const before = this.pinch;
      this.pinch = this.spread();
      this.pan(this.pinch.x - before.x, this.pinch.y - before.y);
      return this.zoom(this.pinch.distance / before.distance, this.pinch.x, this.pinch.y);
    }
    if (pointer.last === null) return this.pinch ? undefined : this.pan(dx, dy);
    for (const one of event.getCoalescedEvents?.() ?? [event]) {
      const at = this.toPicture(...this.placeOf(one));
      this.line(pointer.last, at, event);
      pointer.last = at;
    }
  }

  /** @private @param {PointerEvent} event */
  up(event) {
    const pointer = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    if (this.pointers.size === 0) this.pinch = null;
    if (pointer?.last) this.mask.end();
    this.onchange();
  }

  /** @private @param {number} dx @param {number} dy */
  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.place();
  }

  /** @private @param {[number, number]} from @param {[number, number]} to @param {PointerEvent | null} event the second button erases */
  line(from, to, event) {
    const erases = this.brush.erases || ((event?.buttons ?? 0) & 2) !== 0;
    this.paint(this.mask.stroke(from, to, { ...this.brush, erases }));
  }

  /** Fills what has about the colour of a place. @param {readonly [number, number]} at @param {boolean} takesAway */
  fill(at, takesAway) {
    const { tool, tolerance, erases } = this.brush;
    this.pixels ??= this.below.getImageData(0, 0, this.mask.width, this.mask.height).data;
    this.paint(fillMask(this.mask, this.pixels, at, { tolerance, isEverywhere: tool === "colour", erases: erases || takesAway }));
  }

  /** Moves the brush by keys. @param {number} across @param {number} down @param {boolean} isFine */
  walk(across, down, isFine) {
    const step = isFine ? 1 : KEY_STEP;
    const [x, y] = this.at;
    /** @type {[number, number]} */
    const to = [Math.max(0, Math.min(this.mask.width, x + across * step)), Math.max(0, Math.min(this.mask.height, y + down * step))];
    if (this.isPenDown) this.line(this.at, to, null);
    this.at = to;
    this.showRing(...this.toBoard(to));
  }

  /** Puts the brush down where the keys are, or lifts it. */
  togglePen() {
    if (this.brush.tool !== "brush" && !this.isPenDown) return this.fill(this.at, false);
    this.isPenDown = !this.isPenDown;
    this.element.classList.toggle("is-down", this.isPenDown);
    if (!this.isPenDown) return this.mask.end();
    this.mask.begin();
    this.line(this.at, this.at, null);
    this.walk(0, 0, true);
  }
}
