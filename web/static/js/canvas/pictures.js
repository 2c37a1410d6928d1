/** Pictures decoded off the main thread, a bounded number of them, by address. */

const MOST = 80;

/** Gives pictures by address: at once when they are there, else after `onload`. */
export class Pictures {
  /** @param {(name: string) => string} inputUrl the address of a file in the input folder */
  constructor(inputUrl) {
    this.inputUrl = inputUrl;
    /** @type {Map<string, ImageBitmap | "loading" | "failed">} */ this.known = new Map();
    /** @type {() => void} */ this.onload = () => undefined;
  }

  /**
   * @param {string} url
   * @returns {ImageBitmap | null}
   */
  get(url) {
    const entry = this.known.get(url);
    if (entry === undefined) void this.load(url);
    if (entry === undefined || entry === "loading" || entry === "failed") return null;
    this.known.delete(url);
    this.known.set(url, entry);
    return entry;
  }

  /** @param {string} url */
  async load(url) {
    this.known.set(url, "loading");
    try {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`${answer.status}`);
      this.known.set(url, await createImageBitmap(await answer.blob()));
      this.trim();
    } catch {
      this.known.set(url, "failed");
    }
    this.onload();
  }

  /** Forgets a picture, so that it is read again. @param {string} url */
  forget(url) {
    const entry = this.known.get(url);
    if (entry instanceof ImageBitmap) entry.close();
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
