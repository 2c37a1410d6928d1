/** Pictures decoded off the main thread, as large as they are shown and a bounded number of them, by address. */

const MOST = 80;
/** Widths at which pictures are kept, in pixels of the screen. */
const WIDTHS = [256, 512, 1024, Infinity];

/** @typedef {{bitmap: ImageBitmap | null, width: number, size: readonly [number, number] | null, isLoading: boolean, isLost: boolean}} Entry */

/**
 * The width at which a picture is kept that is shown this wide.
 * @param {number} shown in pixels of the screen
 * @returns {number}
 */
export function keptWidth(shown) {
  return WIDTHS.find((width) => shown <= width) ?? Infinity;
}

/** Gives pictures by address: at once when they are there, else after `onload`. */
export class Pictures {
  /** @param {(name: string) => string} inputUrl the address of a file in the input folder */
  constructor(inputUrl) {
    this.inputUrl = inputUrl;
    /** @type {Map<string, Entry>} */ this.known = new Map();
    /** @type {() => void} */ this.onload = () => undefined;
  }

  /**
   * The picture, perhaps a smaller one while the larger one is read.
   * @param {string} url @param {number} shown how wide it is shown, in pixels of the screen
   * @returns {ImageBitmap | null}
   */
  get(url, shown = Infinity) {
    const entry = this.known.get(url) ?? { bitmap: null, width: 0, size: null, isLoading: false, isLost: false };
    this.known.delete(url);
    this.known.set(url, entry);
    const width = keptWidth(shown);
    if (!entry.isLoading && !entry.isLost && width > entry.width && (entry.size?.[0] ?? Infinity) > entry.width) void this.load(url, entry, width);
    return entry.bitmap;
  }

  /** @param {string} url @param {Entry} entry @param {number} width */
  async load(url, entry, width) {
    entry.isLoading = true;
    try {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`${answer.status}`);
      const whole = await createImageBitmap(await answer.blob());
      const size = [whole.width, whole.height];
      const bitmap = size[0] > width ? await shrink(whole, width) : whole;
      if (this.known.get(url) !== entry) return bitmap.close();
      entry.bitmap?.close();
      Object.assign(entry, { bitmap, size, width: Math.min(width, size[0]) });
      this.trim();
    } catch {
      entry.isLost = true;
    } finally {
      entry.isLoading = false;
    }
    this.onload();
  }

  /** How large a picture is that was asked for, null until it is there. @param {string} url @returns {readonly [number, number] | null} */
  sizeOf(url) {
    return this.known.get(url)?.size ?? null;
  }

  /** Forgets a picture, so that it is read again. @param {string} url */
  forget(url) {
    this.known.get(url)?.bitmap?.close();
    this.known.delete(url);
  }

  /** Lets go of the pictures that were not seen for longest. */
  trim() {
    for (const url of this.known.keys()) {
      if (this.known.size <= MOST) return;
      this.forget(url);
    }
  }
}

/** @param {ImageBitmap} whole is closed @param {number} width @returns {Promise<ImageBitmap>} */
async function shrink(whole, width) {
  const height = Math.max(1, Math.round(whole.height * width / whole.width));
  try {
    return await createImageBitmap(whole, { resizeWidth: width, resizeHeight: height, resizeQuality: "high" });
  } finally {
    whole.close();
  }
}
