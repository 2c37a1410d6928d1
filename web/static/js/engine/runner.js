/** Starts runs and follows them: each by its prompt id and the workflow it belongs to, so that two never mix. */

/** @import { Store } from "../model/store.js" */
/** @import { Board, Seed } from "./board.js" */

import { ROOT } from "../model/document.js";
import { newUuid } from "../model/ids.js";
import { writeWorkflow } from "../model/io/write.js";
import { resolveChoices } from "../model/prompts.js";
import { rollSeeds } from "../model/seeds.js";
import { inputSlot } from "../model/slots.js";
import { fillTokens } from "../model/tokens.js";
import { ApiError, cancelJob, fetchJob, fetchJobs, interrupt, queuePrompt } from "./api.js";
import { failureProblem, refusalProblems } from "./problems.js";
import { readOutput, seedsOf } from "./results.js";
import { t } from "../words.js";

/**
 * @typedef {{id: string, documentId: string, keys: string[], seeds: readonly Seed[], cached: Set<string>, finished: Set<string>,
 *   ran: number, state: "queued" | "running", current: string | null, part: number, failed: boolean, since: number,
 *   blobs: Map<string, Blob>, unfollow: (() => void) | null,
 *   isTaken: boolean, isUnwanted: boolean}} Job `isUnwanted`: cancelled before the server had taken it
 */
/**
 * "listed" comes after the end of a job: only then do the server's lists tell it as over, with its outputs.
 * @typedef {{type: "started" | "progress" | "finished" | "failed" | "cancelled" | "unchanged" | "refused" | "listed", job: Job | null,
 *   text: string}} RunEvent
 */
/** @typedef {{front?: boolean, targets?: readonly string[] | null}} RunOptions `targets` are keys of output nodes */

const CHECK_MILLISECONDS = 1000;

/** @typedef {(node: import("../model/types.js").Node, name: string, value: any, graph: import("../model/document.js").Graph) => any} Resolve */
/**
 * Extensions of the ecosystem may make the prompt and send it in the place of this page.
 * @typedef {{make: (resolve: Resolve) => Promise<{prompt: Record<string, any>, workflow: any}>, send: typeof queuePrompt}} Detour
 */

/** All jobs of the open workflows that are not over. */
export class Runner {
  /** @param {Store} store @param {Board} board @param {string} clientId */
  constructor(store, board, clientId) {
    this.store = store;
    this.board = board;
    this.clientId = clientId;
    /** @type {Map<string, Job>} */ this.jobs = new Map();
    /** @type {Map<string, Job>} what is over but not yet in the server's lists */ this.closing = new Map();
    /** @type {Detour | null} */ this.detour = null;
    /** @type {() => readonly string[]} ids of the open workflows */ this.workflows = () => [store.document.id];
    this.remaining = 0;
    /** runs that were asked for and that the server has not answered yet */ this.preparing = 0;
    /** @type {Map<string, string>} addresses of the latest preview of each job */ this.frames = new Map();
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.checking = undefined;
    /** @type {Set<(event: RunEvent) => void>} */ this.listeners = new Set();
    board.show(store.document.id);
    store.listen((change) => {
      if (change.reason === "open") this.show();
      for (const patch of change.patches) this.forgive(patch, change.reason === "command");
    });
  }

  /** @private @param {import("../model/types.js").Patch} patch @param {boolean} isCommand */
  forgive(patch, isCommand) {
    const { store, board } = this;
    if (patch.graph !== store.graphId) return;
    const node = patch.kind === "node" ? patch.after ?? patch.before : null;
    if (node && "key" in node && isCommand) board.forgive(store.prefix + node.key);
    if (patch.kind === "link" && patch.after && "to" in patch.after && patch.after.to !== null) {
      board.forgive(store.prefix + (store.graph.nodes.get(patch.after.to)?.key ?? ""));
    }
  }

  /** Calls back until the returned function is called. @param {(event: RunEvent) => void} listener @returns {() => void} */
  listen(listener) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** @param {RunEvent["type"]} type @param {Job | null} job @param {string} text */
  tell(type, job, text = "") {
    for (const listener of this.listeners) listener({ type, job, text });
  }

  /** The job of the workflow on screen that runs, or waits longest. @returns {Job | null} */
  get current() {
    return this.jobOf(this.store.document.id);
  }

  /** The job of a workflow that runs, or waits longest. @param {string} workflow @returns {Job | null} */
  jobOf(workflow) {
    const mine = [...this.jobs.values()].filter((job) => job.documentId === workflow);
    return mine.find((job) => job.state === "running") ?? mine[0] ?? null;
  }

  /** Another workflow came on screen: shows what is known of it, and asks the server for what is not. */
  show() {
    const { id } = this.store.document;
    this.board.show(id);
    for (const job of this.jobs.values()) {
      if (job.documentId !== id) continue;
      for (const [key, blob] of job.blobs) void this.decode(job, key, blob);
      job.blobs.clear();
    }
    this.tell("progress", this.current);
  }

  /**
   * Rolls seeds and hands the workflow on screen to the queue.
   * @param {RunOptions} options
   * @returns {Promise<boolean>} whether the server took it
   */
  async run(options = {}) {
    this.preparing += 1;
    try {
      // Before anything is read, so that all that is read is of one document.
      return await this.submit(options, await import("../model/io/flatten.js"));
    } finally {
      this.preparing -= 1;
    }
  }

  /** @private @param {RunOptions} options @param {typeof import("../model/io/flatten.js")} flatten @returns {Promise<boolean>} */
  async submit({ front = false, targets = null }, { writePrompt }) {
    const { store, board } = this;
    store.run("Roll seeds", (change) => rollSeeds(change.at(ROOT), store.definitions, Math.random));
    const { id } = store.document;
    board.setProblems([]);
    const now = new Date();
    /** @type {Resolve} */
    const resolve = (node, name, value, graph) => {
      const isDynamic = inputSlot(store.definitions, node, name)?.widget?.dynamic;
      if (name === "filename_prefix") return fillTokens(String(value), graph, store.definitions, now);
      return isDynamic ? resolveChoices(String(value), Math.random) : value;
    };
    const { prompt, workflow } = await this.detour?.make(resolve) ??
      { prompt: writePrompt(store.document, store.catalogue, resolve), workflow: writeWorkflow(store.document, store.catalogue) };
    const job = this.newJob(newUuid(), id, prompt);
    this.jobs.set(job.id, job);
    this.tell("started", job);
    try {
      const answer = await (this.detour?.send ?? queuePrompt)({
        prompt, client_id: this.clientId, prompt_id: job.id, ...(front ? { front } : {}), extra_data: { extra_pnginfo: { workflow } },
        ...(targets ? { partial_execution_targets: targets } : {}),
      });
      job.isTaken = true;
      if (job.isUnwanted) void cancelJob(job.id).catch((error) => this.refuse(job, [], error.message));
      const problems = refusalProblems({ node_errors: answer.node_errors }, "");
      if (problems.length > 0) this.refuse(job, problems, t("Some outputs were left out."));
      return true;
    } catch (error) {
      this.jobs.delete(job.id);
      const body = error instanceof ApiError ? error.body : null;
      const text = error instanceof Error ? error.message : String(error);
      this.refuse(job, refusalProblems(body, text), text);
      return false;
    }
  }

  /** @private @param {Job} job @param {import("../model/types.js").Problem[]} problems @param {string} text */
  refuse(job, problems, text) {
    this.board.setProblems(problems, job.documentId);
    this.tell("refused", job, text);
  }

  /** @param {string} id @param {string} documentId @param {Record<string, any>} prompt @returns {Job} */
  newJob(id, documentId, prompt) {
    return {
      id, documentId, keys: Object.keys(prompt), seeds: seedsOf(prompt, this.store), cached: new Set(), finished: new Set(), ran: 0,
      state: "queued", current: null, part: 0, failed: false, since: Date.now(), blobs: new Map(), unfollow: null, isTaken: false,
      isUnwanted: false,
    };
  }

  /** Cancels the run of the workflow on screen, wherever it stands; the server tells its end. */
  async cancel() {
    const job = this.current;
    if (!job) await interrupt();
    else if (job.isTaken) await cancelJob(job.id);
    else job.isUnwanted = true;
  }

  /**
   * Takes in a message from the socket.
   * @param {string} type @param {any} data
   */
  receive(type, data) {
    if (type === "status") {
      this.remaining = data.status?.exec_info?.queue_remaining ?? this.remaining;
      if (this.remaining < this.jobs.size) this.checkLater();
      return this.tell("progress", this.current);
    }
    if (type === "executing" && data.node === null) return this.close(data.prompt_id);
    const job = this.jobs.get(data.prompt_id);
    if (!job) return;
    if (type === "execution_start") this.begin(job);
    else if (type === "execution_cached") this.markCached(job, data.nodes ?? []);
    else if (type === "executing") this.enterNode(job, String(data.display_node ?? data.node));
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

  /** @private @param {Job} job */
  begin(job) {
    if (job.state !== "running") job.since = Date.now();
    job.state = "running";
    this.board.clearRuns(job.documentId);
    this.board.of(job.documentId).mark = null;
    this.tell("progress", job);
  }

  /** @private @param {Job} job @param {string[]} keys */
  markCached(job, keys) {
    for (const key of keys) {
      job.cached.add(String(key));
      job.finished.add(String(key));
      this.update(job, String(key), { state: "cached" });
    }
  }

  /** @private @param {Job} job @param {string} key */
  enterNode(job, key) {
    job.current = key;
    job.ran += 1;
    job.part = 0;
    this.update(job, key, { state: "running" });
  }

  /** @private @param {Job} job @param {Record<string, any>} nodes */
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

  /** @private @param {Job} job @param {string} key @param {Partial<import("./board.js").NodeRun>} fields */
  update(job, key, fields) {
    this.board.update(key, fields, job.documentId);
    if (this.isShown(job)) this.board.tell();
    this.tell("progress", job);
  }

  /** @private @param {Job} job @param {string} key @param {any} output */
  keepOutput(job, key, output) {
    job.finished.add(key);
    if (!output) return;
    const state = this.board.of(job.documentId);
    state.outputs.set(key, readOutput(output));
    state.seeds = job.seeds;
    if (this.isShown(job)) this.board.tell();
  }

  /** @private @param {Job} job */
  succeed(job) {
    const unchanged = job.ran === 0;
    this.end(job, unchanged ? "unchanged" : "finished", String(job.cached.size || job.keys.length));
  }

  /** @private @param {Job} job @param {any} data */
  fail(job, data) {
    const problem = failureProblem(data);
    this.board.setProblems([...this.board.of(job.documentId).problems, problem], job.documentId);
    job.failed = true;
    if (data.exception_type !== "ExecutionBlocked") this.end(job, "failed", problem.text);
  }

  /** @private @param {Job} job @param {RunEvent["type"]} how @param {string} text */
  end(job, how, text = "") {
    if (!this.jobs.delete(job.id)) return;
    job.unfollow?.();
    this.keepFrame(job.id, null);
    this.board.clearRuns(job.documentId);
    if (this.isShown(job)) this.board.tell();
    else if (how === "failed" || how === "finished") this.board.of(job.documentId).mark = how === "failed" ? "failed" : "done";
    this.closing.set(job.id, job);
    this.tell(how, job, text);
  }

  /** @private @param {string} id a job that the server has written down as over */
  close(id) {
    const job = this.closing.get(id);
    this.closing.delete(id);
    if (job) this.tell("listed", job);
  }

  /** @param {{key: string | null, promptId: string | null, blob: Blob}} frame */
  async showPreview({ key, promptId, blob }) {
    const job = promptId ? this.jobs.get(promptId) : this.current;
    const name = key ?? job?.current;
    if (!job || !name) return;
    this.keepFrame(job.id, URL.createObjectURL(blob));
    if (this.isShown(job)) await this.decode(job, name, blob);
    else job.blobs.set(name, blob);
  }

  /** A text that a node says while it runs. @param {string} key @param {string} text */
  showText(key, text) {
    const job = [...this.jobs.values()].find((one) => one.state === "running" && one.keys.includes(key.split(":")[0])) ?? this.current;
    if (job) this.update(job, key, { text });
  }

  /** @private @param {string} jobId @param {string | null} address */
  keepFrame(jobId, address) {
    const before = this.frames.get(jobId);
    if (before) URL.revokeObjectURL(before);
    if (address) this.frames.set(jobId, address);
    else this.frames.delete(jobId);
  }

  /** @private @param {Job} job @param {string} key @param {Blob} blob */
  async decode(job, key, blob) {
    const preview = await createImageBitmap(blob);
    if (!this.jobs.has(job.id) || !this.isShown(job) || this.board.stateOf(key).state !== "running") return preview.close();
    this.board.update(key, { preview });
    this.board.tell();
  }

  /** Finds the runs of the open workflows again, and their results: after a reload, or when the line was broken. */
  async recover() {
    const { jobs: open } = await fetchJobs({ status: "pending,in_progress", sort_order: "asc" });
    const mine = new Set(this.workflows());
    const present = new Set(open.map((one) => one.id));
    for (const one of open) {
      if (mine.has(one.workflow_id ?? "") && !this.jobs.has(one.id) && !this.closing.has(one.id)) await this.adopt(one);
    }
    for (const id of this.closing.keys()) if (!present.has(id)) this.close(id);
    for (const job of [...this.jobs.values()]) if (!present.has(job.id)) await this.settle(job);
    await this.recall();
    this.tell("progress", this.current);
  }

  /** Fewer jobs are open than this page knows: somebody else may have taken some out of the line. @private */
  checkLater() {
    this.checking ??= setTimeout(() => {
      this.checking = undefined;
      if (this.jobs.size > this.remaining) void this.recover().catch(() => undefined);
    }, CHECK_MILLISECONDS);
  }

  /** @private @param {import("./api.js").JobRow} row a job that this page does not know */
  async adopt(row) {
    const [{ workflow }, { followJob }] = await Promise.all([fetchJob(row.id), import("./follow.js")]);
    if (this.jobs.has(row.id)) return;
    const job = this.newJob(row.id, String(row.workflow_id), workflow?.prompt ?? {});
    job.state = row.status === "in_progress" ? "running" : "queued";
    job.since = row.execution_start_time ?? row.create_time ?? job.since;
    Object.assign(job, { ran: 1, isTaken: true });
    this.jobs.set(job.id, job);
    job.unfollow = followJob(job.id, (type, data) => this.receive(type, { ...data, prompt_id: job.id }), () => void this.settle(job));
  }

  /** A job that ended while nobody listened. @private @param {Job} job */
  async settle(job) {
    const found = await fetchJob(job.id).catch((error) => (error instanceof ApiError && error.status === 404 ? null : undefined));
    if (found === undefined || !this.jobs.has(job.id)) return;
    if (found === null ? !job.isTaken : found.status === "pending" || found.status === "in_progress") return;
    for (const [key, output] of Object.entries(found?.outputs ?? {})) this.keepOutput(job, key, output);
    if (found?.execution_error) this.fail(job, found.execution_error);
    else this.end(job, found === null || found.state === "cancelled" ? "cancelled" : "finished");
    this.close(job.id);
  }

  /** Shows the results of the last run of the workflow on screen, once. */
  async recall() {
    const { id } = this.store.document;
    const state = this.board.of(id);
    if (state.isRecalled || state.outputs.size > 0) return;
    state.isRecalled = true;
    const { jobs } = await fetchJobs({ status: "completed,failed", workflow_id: id, limit: 1 });
    if (jobs.length > 0) await this.showResult(jobs[0].id, id);
  }

  /**
   * Puts the results of a finished job on the nodes of a workflow.
   * @param {string} jobId @param {string} workflow the id of a document
   */
  async showResult(jobId, workflow) {
    const found = await fetchJob(jobId);
    const state = this.board.of(workflow);
    for (const [key, output] of Object.entries(found.outputs ?? {})) state.outputs.set(key, readOutput(output));
    state.seeds = seedsOf(found.workflow?.prompt ?? {}, this.store);
    if (found.execution_error) this.board.setProblems([failureProblem(found.execution_error)], workflow);
    this.board.tell();
  }
}
