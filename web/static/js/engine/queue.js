/** The jobs of the server as a long list that is fetched in parts: those that run, those that wait, those that are over. */

/** @import { JobRow } from "./api.js" */

import { cancelJob, fetchJobs, post, send } from "./api.js";

const CHUNK = 50;
const MOST_ROWS = 2000;
const REFRESH_MILLISECONDS = 400;
const SAMPLES = 7;

/** @typedef {"running" | "waiting" | "finished"} SectionName */
/** @typedef {{jobs: JobRow[], pagination: {total: number}}} Answer */
/** @typedef {(query: Record<string, string | number>) => Promise<Answer>} Fetch */

/** @type {Readonly<Record<SectionName, Record<string, string>>>} */
const QUERIES = {
  running: { status: "in_progress", sort_by: "created_at", sort_order: "asc" },
  waiting: { status: "pending", sort_by: "position", sort_order: "asc" },
  finished: { status: "completed,failed", sort_by: "created_at", sort_order: "desc" },
};
export const SECTIONS = /** @type {readonly SectionName[]} */ (["running", "waiting", "finished"]);

/** One part of the list, of which only what was looked at is here. */
export class Section {
  /** @param {SectionName} name @param {Fetch} fetch @param {() => void} changed */
  constructor(name, fetch, changed) {
    this.name = name;
    this.fetch = fetch;
    this.changed = changed;
    this.total = 0;
    /** @type {Map<number, JobRow>} by place in the list */ this.rows = new Map();
    /** @type {Map<number, number>} chunks that are asked for, or present and of which round */ this.chunks = new Map();
    this.round = 0;
  }

  /** The job at a place, which is asked for if it is not here. @param {number} index @returns {JobRow | undefined} */
  at(index) {
    const chunk = Math.floor(index / CHUNK);
    if (this.chunks.get(chunk) !== this.round) void this.load(chunk);
    return this.rows.get(index);
  }

  /** What is here is old: what is looked at next is asked for again. @returns {Promise<void>} when the beginning is here */
  refresh() {
    this.round += 1;
    return this.load(0);
  }

  /** @private @param {number} chunk */
  async load(chunk) {
    const { round } = this;
    this.chunks.set(chunk, round);
    try {
      const { jobs, pagination } = await this.fetch({ ...QUERIES[this.name], limit: CHUNK, offset: chunk * CHUNK });
      if (round !== this.round) return;
      this.total = pagination.total;
      for (let place = 0; place < CHUNK; place += 1) {
        if (jobs[place]) this.rows.set(chunk * CHUNK + place, jobs[place]);
        else this.rows.delete(chunk * CHUNK + place);
      }
      this.trim(chunk);
      this.changed();
    } catch {
      this.chunks.delete(chunk);
    }
  }

  /** Lets go of what lies far from a chunk. @private @param {number} chunk */
  trim(chunk) {
    if (this.rows.size <= MOST_ROWS) return;
    const keep = MOST_ROWS / CHUNK / 2;
    for (const index of this.rows.keys()) if (Math.abs(index / CHUNK - chunk) > keep) this.rows.delete(index);
    for (const other of this.chunks.keys()) if (Math.abs(other - chunk) > keep) this.chunks.delete(other);
  }
}

/** The whole list, and what can be done with it. */
export class Queue {
  /** @param {Fetch} fetch */
  constructor(fetch = fetchJobs) {
    this.fetch = fetch;
    this.paused = false;
    /** @type {Set<() => void>} */ this.listeners = new Set();
    const changed = () => this.tell();
    this.sections = {
      running: new Section("running", fetch, changed), waiting: new Section("waiting", fetch, changed),
      finished: new Section("finished", fetch, changed),
    };
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.timer = undefined;
    /** @type {Map<string, number | null>} expected milliseconds by workflow; null where they are not known */ this.expected = new Map();
  }

  /** @param {() => void} listener @returns {() => void} stops it */
  listen(listener) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** @private */
  tell() {
    for (const listener of this.listeners) listener();
  }

  /** Something changed on the server: looks again soon, if anybody looks. */
  stir() {
    if (this.listeners.size > 0) this.timer ??= setTimeout(() => void this.refresh(), REFRESH_MILLISECONDS);
  }

  /** Asks for what is shown again. */
  async refresh() {
    clearTimeout(this.timer);
    this.timer = undefined;
    const workers = send("workers").then((answer) => answer.json()).then(({ paused }) => (this.paused = paused));
    await Promise.allSettled([workers, ...SECTIONS.map((name) => this.sections[name].refresh())]);
    this.tell();
  }

  /**
   * How long a run of a workflow will take, from its last ones; null where nothing is known yet.
   * @param {string | undefined} workflow
   * @returns {number | null} milliseconds
   */
  expectedOf(workflow) {
    if (workflow === undefined) return null;
    const known = this.expected.get(workflow);
    if (known !== undefined) return known;
    this.expected.set(workflow, null);
    void this.fetch({ status: "completed", workflow_id: workflow, limit: SAMPLES }).then(({ jobs }) => {
      const usual = usualSpan(jobs);
      // Where nothing is known it is not asked for again until a run has ended.
      if (usual === null) return;
      this.expected.set(workflow, usual);
      this.tell();
    }).catch(() => undefined);
    return null;
  }

  /** A job has ended: what is expected of its workflow is asked for anew. @param {string} workflow */
  forgetExpected(workflow) {
    this.expected.delete(workflow);
  }

  /** @param {string} id @param {"cancel" | "retry"} what */
  async act(id, what) {
    await (what === "cancel" ? cancelJob(id) : post(`jobs/${encodeURIComponent(id)}/retry`, {}));
    await this.refresh();
  }

  /**
   * Puts a waiting job at another place in the line.
   * @param {string} id @param {number} index where it then stands
   */
  async move(id, index) {
    const { waiting } = this.sections;
    const from = [...waiting.rows].find(([, row]) => row.id === id)?.[0];
    if (from === undefined || from === index || index < 0 || index >= waiting.total) return;
    const beyond = index > from ? index + 1 : index;
    const before = waiting.rows.get(beyond);
    const path = (/** @type {string} */ job) => `jobs/${encodeURIComponent(job)}/move`;
    if (before) await post(path(id), { before: before.id });
    else {
      const last = /** @type {JobRow} */ (waiting.rows.get(index));
      await post(path(id), { before: last.id });
      await post(path(last.id), { before: id });
    }
    await this.refresh();
  }

  /** Puts a waiting job at the head of the line. @param {string} id */
  async front(id) {
    await post(`jobs/${encodeURIComponent(id)}/move`, { before: null });
    await this.refresh();
  }

  /** Starts no more jobs, or goes on. */
  async togglePause() {
    this.paused = (await (await post(this.paused ? "queue/resume" : "queue/pause", {})).json()).paused;
    this.tell();
  }

  /** Takes all that waits out of the line. */
  async clearWaiting() {
    await post("queue", { clear: true });
    await this.refresh();
  }

  /** Forgets what is over; files stay. @param {readonly string[] | null} ids null for all */
  async clearFinished(ids) {
    await post("history", ids === null ? { clear: true } : { delete: ids });
    await this.refresh();
  }

  /** @param {string} id @returns {Promise<Record<string, {did: string, text: string}>>} what a finished job did about each node */
  async why(id) {
    return (await (await send(`jobs/${encodeURIComponent(id)}/why`)).json()).nodes;
  }
}

/**
 * The time that runs usually take: the middle one of those that did something.
 * @param {readonly JobRow[]} jobs
 * @returns {number | null} milliseconds
 */
export function usualSpan(jobs) {
  const spans = jobs.flatMap(({ execution_start_time: start, execution_end_time: end }) => (start && end ? [end - start] : []));
  const longest = Math.max(0, ...spans);
  const real = spans.filter((span) => span > longest / 10).sort((one, other) => one - other);
  return real.length === 0 ? null : real[Math.floor(real.length / 2)];
}
