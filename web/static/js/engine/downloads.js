/** Models that the server downloads when a person asks: begun, watched, stopped. */

import { post, send } from "./api.js";

/**
 * Sizes in bytes; a total of 0 is not known.
 * @typedef {{id: string, folder: string, name: string, url: string, state: "running" | "done" | "failed" | "cancelled",
 *   received: number, total: number, problem: string}} Download
 */

const LOOK_MILLISECONDS = 700;

/** Watches while something runs. */
export class Downloads {
  constructor() {
    /** @type {readonly Download[]} */ this.all = [];
    /** @type {Set<() => void>} */ this.listeners = new Set();
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.timer = undefined;
  }

  /** The last download of a file. @param {string} name */
  of(name) {
    return this.all.findLast((one) => one.name === name);
  }

  /** Asks the server how they stand, and again while one runs. @returns {Promise<void>} */
  async look() {
    clearTimeout(this.timer);
    this.all = (await (await send("models/downloads")).json()).downloads;
    for (const listener of this.listeners) listener();
    if (this.all.some(({ state }) => state === "running")) this.timer = setTimeout(() => void this.look().catch(() => undefined), LOOK_MILLISECONDS);
  }

  /**
   * Begins one; throws what the server answers.
   * @param {{folder: string, name: string, url: string, sha256: string}} model @param {string} host as the person confirmed it
   */
  async begin(model, host) {
    await post("models/downloads", { ...model, host });
    await this.look();
  }

  /** @param {string} id */
  async cancel(id) {
    await send(`models/downloads/${encodeURIComponent(id)}`, { method: "DELETE" });
    await this.look();
  }
}

/**
 * Where a model can be downloaded from and what it must be, null where it cannot.
 * @param {{name: string, folder: string | null, url: string | null, hash: string | null, hashType: string | null}} model
 * @returns {{model: {folder: string, name: string, url: string, sha256: string}, host: string} | null}
 */
export function downloadable({ name, folder, url, hash, hashType }) {
  if (!folder || !url || !URL.canParse(url)) return null;
  const { protocol, hostname } = new URL(url);
  const clean = name.replaceAll("\\", "/");
  if (protocol !== "https:" || !/\.(safetensors|sft|gguf)$/i.test(clean)) return null;
  const isSha = (hashType === null || /^sha-?256$/i.test(hashType)) && hash !== null && /^[0-9a-f]{64}$/i.test(hash);
  return { model: { folder, name: clean, url, sha256: isSha ? hash : "" }, host: hostname };
}
