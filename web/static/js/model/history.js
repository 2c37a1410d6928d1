/** What can be undone: entries of patches, joined where one gesture or one burst of typing made several. */

/** @import { Patch } from "./types.js" */

/** @typedef {{label: string, patches: readonly Patch[], gesture: string | null, time: number}} Entry */

const BURST_MILLISECONDS = 1500;
const DEPTH = 500;

/** Two stacks of entries. */
export class History {
  constructor() {
    /** @type {Entry[]} */ this.past = [];
    /** @type {Entry[]} */ this.future = [];
  }

  /**
   * Remembers patches that have been applied. Entries with the same gesture become one: without limit for a
   * drag ("drag:..."), within a moment for anything else.
   * @param {string} label @param {readonly Patch[]} patches @param {string | null} gesture @param {number} time
   */
  push(label, patches, gesture, time) {
    if (patches.length === 0) return;
    this.future = [];
    const last = this.past.at(-1);
    const joins = last && gesture !== null && last.gesture === gesture &&
      (gesture.startsWith("drag:") || time - last.time < BURST_MILLISECONDS);
    if (joins) {
      last.patches = merge([...last.patches, ...patches]);
      last.time = time;
      if (last.patches.length === 0) this.past.pop();
      return;
    }
    this.past.push({ label, patches, gesture, time });
    if (this.past.length > DEPTH) this.past.shift();
  }

  /** Ends the current burst: the next entry stands for itself. */
  seal() {
    const last = this.past.at(-1);
    if (last) last.gesture = null;
  }

  /**
   * The entry to undo, moved to the future.
   * @returns {Entry | undefined}
   */
  back() {
    const entry = this.past.pop();
    if (entry) this.future.push(entry);
    this.seal();
    return entry;
  }

  /**
   * The entry to redo, moved to the past.
   * @returns {Entry | undefined}
   */
  forward() {
    const entry = this.future.pop();
    if (entry) this.past.push({ ...entry, gesture: null });
    return entry;
  }
}

/**
 * Patches with one entry for each record: its first state before, its last state after. Records that end as they began
 * fall out. Order is that of first mention, which is safe because patches of different records do not depend on each other,
 * but for links, where a removal must come before what takes its place.
 * @param {readonly Patch[]} patches
 * @returns {Patch[]}
 */
export function merge(patches) {
  /** @type {Map<string, Patch>} */
  const merged = new Map();
  for (const patch of patches) {
    const name = `${patch.graph} ${patch.kind} ${patch.id}`;
    const first = merged.get(name);
    merged.set(name, first ? { ...first, after: patch.after } : patch);
  }
  return [...merged.values()].filter((patch) => patch.before !== patch.after);
}
