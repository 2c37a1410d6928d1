/** What is known about the runs of the open workflow: state of each node, results, problems. Never part of the document. */

/** @import { Problem } from "../model/types.js" */

/** @typedef {"idle" | "waiting" | "running" | "done" | "cached" | "failed"} NodeState */
/** @typedef {{state: NodeState, value: number, max: number, text: string, preview: ImageBitmap | null}} NodeRun */
/** @typedef {Readonly<{pictures: string[], texts: string[]}>} Output */

/** @type {Readonly<NodeRun>} */
const IDLE = Object.freeze({ state: "idle", value: 0, max: 0, text: "", preview: null });
/** @type {Output} */
const NOTHING = Object.freeze({ pictures: [], texts: [] });

/** Keyed by the key of a node, as the server names it. */
export class Board {
  constructor() {
    /** @type {Map<string, NodeRun>} */ this.runs = new Map();
    /** @type {Map<string, Output>} */ this.outputs = new Map();
    /** @type {Problem[]} */ this.problems = [];
    /** @type {Set<() => void>} */ this.listeners = new Set();
  }

  /** @param {() => void} listener */
  listen(listener) {
    this.listeners.add(listener);
  }

  /** Tells all listeners that something changed. */
  tell() {
    for (const listener of this.listeners) listener();
  }

  /** @param {string} key @returns {Readonly<NodeRun>} */
  stateOf(key) {
    return this.runs.get(key) ?? IDLE;
  }

  /** @param {string} key @returns {Output} */
  outputOf(key) {
    return this.outputs.get(key) ?? NOTHING;
  }

  /** @param {string} key @returns {Problem[]} */
  problemsOf(key) {
    return this.problems.length === 0 ? [] : this.problems.filter((problem) => problem.key === key);
  }

  /**
   * How a closed subgraph stands: as the node inside that runs.
   * @param {string} prefix of the keys inside, as "12:"
   * @returns {Readonly<NodeRun>}
   */
  stateWithin(prefix) {
    /** @type {Readonly<NodeRun>} */
    let found = IDLE;
    for (const [key, run] of this.runs) {
      if (!key.startsWith(prefix)) continue;
      if (run.state === "running") return run;
      found = run;
    }
    return found;
  }

  /** @param {string} prefix @returns {Output} what the nodes inside a subgraph show */
  outputWithin(prefix) {
    const inside = [...this.outputs].filter(([key]) => key.startsWith(prefix)).map(([, output]) => output);
    return { pictures: inside.flatMap((output) => output.pictures), texts: inside.flatMap((output) => output.texts) };
  }

  /** @param {string} prefix @returns {Problem[]} */
  problemsWithin(prefix) {
    return this.problems.length === 0 ? [] : this.problems.filter((problem) => problem.key?.startsWith(prefix));
  }

  /** @param {string} key @param {Partial<NodeRun>} fields */
  update(key, fields) {
    const run = this.runs.get(key) ?? { ...IDLE };
    const done = fields.state !== undefined && fields.state !== "running";
    if (run.preview && (done || fields.preview !== undefined)) {
      run.preview.close();
      run.preview = null;
    }
    this.runs.set(key, { ...run, ...fields });
  }

  /** Forgets how nodes stand, keeps their results. */
  clearRuns() {
    for (const run of this.runs.values()) run.preview?.close();
    this.runs.clear();
  }

  /** Forgets everything, for another workflow. */
  clear() {
    this.clearRuns();
    this.outputs.clear();
    this.problems = [];
    this.tell();
  }

  /** @param {Problem[]} problems */
  setProblems(problems) {
    this.problems = problems;
    this.tell();
  }

  /** Takes away the problems of a node whose input was changed. @param {string} key */
  forgive(key) {
    if (!this.problems.some((problem) => problem.key === key)) return;
    this.setProblems(this.problems.filter((problem) => problem.key !== key));
  }
}
