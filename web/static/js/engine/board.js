/**
 * What is known about the runs of each workflow: state of its nodes, results, problems. Never part of a document, and never mixed:
 * each workflow has its own, and the board shows that of the one on screen.
 */

/** @import { Problem } from "../model/types.js" */

/** @typedef {"idle" | "waiting" | "running" | "done" | "cached" | "failed"} NodeState */
/** @typedef {{state: NodeState, value: number, max: number, text: string, preview: ImageBitmap | null}} NodeRun */
/** @typedef {Readonly<{pictures: string[], texts: string[]}>} Output */
/** @typedef {Readonly<{key: string, name: string, value: any}>} Seed the seed of a node as a run used it */

/** @type {Readonly<NodeRun>} */
const IDLE = Object.freeze({ state: "idle", value: 0, max: 0, text: "", preview: null });
/** @type {Output} */
const NOTHING = Object.freeze({ pictures: [], texts: [] });

/**
 * How the last run of a workflow that left a mark ended, until somebody has looked.
 * @typedef {"done" | "failed" | null} Mark
 */

/** What is known of one workflow, by the key of a node as the server names it. */
class State {
  constructor() {
    /** @type {Map<string, NodeRun>} */ this.runs = new Map();
    /** @type {Map<string, Output>} */ this.outputs = new Map();
    /** @type {Problem[]} */ this.problems = [];
    /** @type {readonly Seed[]} what made the results that are shown */ this.seeds = [];
    /** @type {Mark} */ this.mark = null;
    /** whether the server was asked for results of earlier */ this.isRecalled = false;
  }
}

/** The board on which the canvas and the panels read; without a workflow named, it is the one on screen. */
export class Board {
  constructor() {
    /** @type {Map<string, State>} */ this.states = new Map();
    this.shown = "";
    /** @type {Set<() => void>} */ this.listeners = new Set();
  }

  /** @param {string} workflow the id of a document @returns {State} */
  of(workflow) {
    const known = this.states.get(workflow);
    if (known) return known;
    const state = new State();
    this.states.set(workflow, state);
    return state;
  }

  /** What is known of the workflow on screen. */
  get state() {
    return this.of(this.shown);
  }

  /** How its nodes stand. */
  get runs() {
    return this.state.runs;
  }

  /** What its nodes gave. */
  get outputs() {
    return this.state.outputs;
  }

  /** What is wrong with it. */
  get problems() {
    return this.state.problems;
  }

  /** Shows what is known of another workflow. @param {string} workflow */
  show(workflow) {
    this.shown = workflow;
    this.state.mark = null;
    this.tell();
  }

  /** Forgets a workflow that is open no more. @param {string} workflow */
  forget(workflow) {
    this.clearRuns(workflow);
    this.states.delete(workflow);
  }

  /** Calls back until the returned function is called. @param {() => void} listener @returns {() => void} */
  listen(listener) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
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

  /** @param {string} key @param {Partial<NodeRun>} fields @param {string} workflow */
  update(key, fields, workflow = this.shown) {
    const { runs } = this.of(workflow);
    const run = runs.get(key) ?? { ...IDLE };
    const done = fields.state !== undefined && fields.state !== "running";
    if (run.preview && (done || fields.preview !== undefined)) {
      run.preview.close();
      run.preview = null;
    }
    runs.set(key, { ...run, ...fields });
  }

  /** Forgets how nodes stand, keeps their results. @param {string} workflow */
  clearRuns(workflow = this.shown) {
    const { runs } = this.of(workflow);
    for (const run of runs.values()) run.preview?.close();
    runs.clear();
  }

  /** @param {Problem[]} problems @param {string} workflow */
  setProblems(problems, workflow = this.shown) {
    this.of(workflow).problems = problems;
    this.tell();
  }

  /** Takes away the problems of a node whose input was changed. @param {string} key */
  forgive(key) {
    if (!this.problems.some((problem) => problem.key === key)) return;
    this.setProblems(this.problems.filter((problem) => problem.key !== key));
  }
}
