/** Starts runs and follows them: each by its prompt id and the workflow it belongs to, so that two never mix. */

/** @import { Store } from "../model/store.js" */
/** @import { Board, Output } from "./board.js" */

import { ROOT } from "../model/document.js";
import { newUuid } from "../model/ids.js";
import { writePrompt } from "../model/io/flatten.js";
import { writeWorkflow } from "../model/io/write.js";
import { resolveChoices } from "../model/prompts.js";
import { rollSeeds } from "../model/seeds.js";
import { inputSlot } from "../model/slots.js";
import { fillTokens } from "../model/tokens.js";
import { ApiError, fetchHistory, fetchHistoryEntry, fetchQueue, interrupt, queuePrompt, removePending, viewUrl } from "./api.js";
import { failureProblem, refusalProblems } from "./problems.js";

/**
 * @typedef {{id: string, documentId: string, keys: string[], cached: Set<string>, finished: Set<string>, ran: number,
 *   state: "queued" | "running", current: string | null, part: number, failed: boolean}} Job
 */
/**
 * @typedef {{type: "started" | "progress" | "finished" | "failed" | "cancelled" | "unchanged" | "refused", job: Job | null,
 *   text: string}} RunEvent
 */

/** All jobs that this page started and that are not over. */
export class Runner {
  /** @param {Store} store @param {Board} board @param {string} clientId */
  constructor(store, board, clientId) {
    this.store = store;
    this.board = board;
    this.clientId = clientId;
    /** @type {Map<string, Job>} */ this.jobs = new Map();
    this.remaining = 0;
    /** @type {Set<(event: RunEvent) => void>} */ this.listeners = new Set();
    store.listen((change) => {
      if (change.reason === "open") this.board.clear();
      for (const patch of change.patches) {
        const node = patch.kind === "node" ? patch.after ?? patch.before : null;
        const prefix = patch.graph === store.graphId ? store.prefix : null;
        if (prefix === null) continue;
        if (node && "key" in node && change.reason === "command") this.board.forgive(prefix + node.key);
        if (patch.kind === "link" && patch.after && "to" in patch.after && patch.after.to !== null) {
          this.board.forgive(prefix + (store.graph.nodes.get(patch.after.to)?.key ?? ""));
        }
      }
    });
  }

  /** @param {(event: RunEvent) => void} listener */
  listen(listener) {
    this.listeners.add(listener);
  }

  /** @param {RunEvent["type"]} type @param {Job | null} job @param {string} text */
  tell(type, job, text = "") {
    for (const listener of this.listeners) listener({ type, job, text });
  }

  /** The job of the open workflow that runs, or waits longest. @returns {Job | null} */
  get current() {
    const mine = [...this.jobs.values()].filter((job) => job.documentId === this.store.document.id);
    return mine.find((job) => job.state === "running") ?? mine[0] ?? null;
  }

  /**
   * Rolls seeds and hands the open workflow to the queue.
   * @param {{front?: boolean}} options
   */
  async run({ front = false } = {}) {
    const { store, board } = this;
    store.run("Roll seeds", (change) => rollSeeds(change.at(ROOT), store.definitions, Math.random));
    board.setProblems([]);
    const now = new Date();
    const prompt = writePrompt(store.document, store.catalogue, (node, name, value, graph) => {
      const isDynamic = inputSlot(store.definitions, node, name)?.widget?.dynamic;
      if (name === "filename_prefix") return fillTokens(String(value), graph, store.definitions, now);
      return isDynamic ? resolveChoices(String(value), Math.random) : value;
    });
    const workflow = writeWorkflow(store.document, store.catalogue);
    const job = this.newJob(newUuid(), store.document.id, Object.keys(prompt));
    this.jobs.set(job.id, job);
    this.tell("started", job);
    try {
      const answer = await queuePrompt({
        prompt, client_id: this.clientId, prompt_id: job.id, ...(front ? { front } : {}), extra_data: { extra_pnginfo: { workflow } },
      });
      const problems = refusalProblems({ node_errors: answer.node_errors }, "");
      if (problems.length > 0) this.refuse(job, problems, "Some outputs were left out.");
    } catch (error) {
      this.jobs.delete(job.id);
      const body = error instanceof ApiError ? error.body : null;
      const text = error instanceof Error ? error.message : String(error);
      this.refuse(job, refusalProblems(body, text), text);
    }
  }

  /** @param {Job} job @param {import("../model/types.js").Problem[]} problems @param {string} text */
  refuse(job, problems, text) {
    if (job.documentId === this.store.document.id) this.board.setProblems(problems);
    this.tell("refused", job, text);
  }

  /** @param {string} id @param {string} documentId @param {string[]} keys @returns {Job} */
  newJob(id, documentId, keys) {
    return {
      id, documentId, keys, cached: new Set(), finished: new Set(), ran: 0, state: "queued", current: null, part: 0, failed: false,
    };
  }

  /** Cancels the run of the open workflow, or takes it out of the queue. */
  async cancel() {
    const job = this.current;
    if (!job) return interrupt(null);
    if (job.state === "running") return interrupt(job.id);
    await removePending([job.id]);
    this.jobs.delete(job.id);
    this.tell("cancelled", job);
  }

  /**
   * Takes in a message from the socket.
   * @param {string} type @param {any} data
   */
  receive(type, data) {
    if (type === "status") {
      this.remaining = data.status?.exec_info?.queue_remaining ?? this.remaining;
      return this.tell("progress", this.current);
    }
    const job = this.jobs.get(data.prompt_id);
    if (!job) return;
    if (type === "execution_start") this.begin(job);
    else if (type === "execution_cached") this.markCached(job, data.nodes ?? []);
    else if (type === "executing") this.enterNode(job, data.display_node ?? data.node);
    else if (type === "progress_state") this.markProgress(job, data.nodes ?? {});
    else if (type === "progress") this.update(job, String(data.node), { state: "running", value: data.value, max: data.max });
    else if (type === "executed") this.keepOutput(job, String(data.display_node ?? data.node), data.output);
    else if (type === "execution_success") this.succeed(job);
    else if (type === "execution_error") this.fail(job, data);
    else if (type === "execution_interrupted") this.end(job, "cancelled");
  }

  /** @param {Job} job @returns {boolean} */
  isShown(job) {
    return job.documentId === this.store.document.id;
  }

  /** @param {Job} job */
  begin(job) {
    job.state = "running";
    if (this.isShown(job)) this.board.clearRuns();
    this.tell("progress", job);
  }

  /** @param {Job} job @param {string[]} keys */
  markCached(job, keys) {
    for (const key of keys) {
      job.cached.add(String(key));
      job.finished.add(String(key));
      this.update(job, String(key), { state: "cached" });
    }
  }

  /** @param {Job} job @param {string | null} key */
  enterNode(job, key) {
    job.current = key === null || key === undefined ? null : String(key);
    if (job.current === null) return;
    job.ran += 1;
    job.part = 0;
    this.update(job, job.current, { state: "running" });
  }

  /** @param {Job} job @param {Record<string, any>} nodes */
  markProgress(job, nodes) {
    for (const [id, entry] of Object.entries(nodes)) {
      const key = String(entry.display_node_id ?? id);
      const isDone = entry.state === "finished";
      if (isDone && job.finished.has(key)) continue;
      if (isDone) job.finished.add(key);
      else job.part = entry.max > 0 ? entry.value / entry.max : 0;
      this.update(job, key, { state: isDone ? "done" : "running", value: entry.value, max: entry.max });
    }
  }

  /** @param {Job} job @param {string} key @param {Partial<import("./board.js").NodeRun>} fields */
  update(job, key, fields) {
    if (!this.isShown(job)) return;
    this.board.update(key, fields);
    this.board.tell();
    this.tell("progress", job);
  }

  /** @param {Job} job @param {string} key @param {any} output */
  keepOutput(job, key, output) {
    job.finished.add(key);
    if (!output || !this.isShown(job)) return;
    this.board.outputs.set(key, readOutput(output));
    this.board.tell();
  }

  /** @param {Job} job */
  succeed(job) {
    const unchanged = job.ran === 0;
    this.end(job, unchanged ? "unchanged" : "finished", String(job.cached.size || job.keys.length));
  }

  /** @param {Job} job @param {any} data */
  fail(job, data) {
    const problem = failureProblem(data);
    if (this.isShown(job)) this.board.setProblems([...this.board.problems, problem]);
    job.failed = true;
    if (data.exception_type !== "ExecutionBlocked") this.end(job, "failed", problem.text);
  }

  /** @param {Job} job @param {RunEvent["type"]} how @param {string} text */
  end(job, how, text = "") {
    this.jobs.delete(job.id);
    if (this.isShown(job)) {
      this.board.clearRuns();
      this.board.tell();
    }
    this.tell(how, job, text);
  }

  /** @param {{key: string | null, promptId: string | null, blob: Blob}} frame */
  async showPreview({ key, promptId, blob }) {
    const job = promptId ? this.jobs.get(promptId) : this.current;
    const name = key ?? job?.current;
    if (!job || !name || !this.isShown(job)) return;
    const preview = await createImageBitmap(blob);
    if (!this.jobs.has(job.id) || !this.isShown(job) || this.board.stateOf(name).state !== "running") return preview.close();
    this.board.update(name, { preview });
    this.board.tell();
  }

  /** Finds the runs of the open workflow again: after a reload, or when the line was broken. */
  async recover() {
    const id = this.store.document.id;
    const queue = await fetchQueue();
    const present = new Set();
    for (const [state, items] of /** @type {const} */ ([["running", queue.queue_running], ["queued", queue.queue_pending]])) {
      for (const [, promptId, prompt, extra] of items) {
        present.add(promptId);
        const documentId = extra?.extra_pnginfo?.workflow?.id;
        if (documentId !== id || this.jobs.has(promptId)) continue;
        this.jobs.set(promptId, { ...this.newJob(promptId, id, Object.keys(prompt)), state, ran: 1 });
      }
    }
    for (const job of [...this.jobs.values()]) if (!present.has(job.id)) await this.settle(job);
    if (this.board.outputs.size === 0) await this.recallOutputs(id);
    this.tell("progress", this.current);
  }

  /** A job that ended while nobody listened. @param {Job} job */
  async settle(job) {
    const entry = (await fetchHistoryEntry(job.id))[job.id];
    if (!entry) return;
    for (const [key, output] of Object.entries(entry.outputs ?? {})) this.keepOutput(job, key, output);
    const error = entry.status?.messages?.find((/** @type {any} */ message) => message[0] === "execution_error");
    if (error) this.fail(job, error[1]);
    else this.end(job, "finished");
  }

  /** @param {string} documentId */
  async recallOutputs(documentId) {
    const entries = Object.values(await fetchHistory(20)).reverse();
    const mine = entries.find((entry) => entry.prompt?.[3]?.extra_pnginfo?.workflow?.id === documentId);
    for (const [key, output] of Object.entries(mine?.outputs ?? {})) this.board.outputs.set(key, readOutput(output));
    if (mine) this.board.tell();
  }
}

/** @param {any} output what a node showed @returns {Output} */
export function readOutput(output) {
  const lists = ["images", "a_images", "b_images"].map((key) => output[key]);
  const pictures = lists.flatMap((list) => (Array.isArray(list) ? list : []));
  const texts = Array.isArray(output.text) ? output.text : typeof output.text === "string" ? [output.text] : [];
  return {
    pictures: pictures.filter((/** @type {any} */ record) => record?.filename).map(viewUrl),
    texts: texts.map(String),
  };
}
