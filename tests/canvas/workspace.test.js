/** Tabs: each with its own document, history and runs; nothing that is unsaved gives way. */

import assert from "node:assert/strict";
import test from "node:test";

import { asMessages } from "../../web/static/js/engine/follow.js";
import { Board } from "../../web/static/js/engine/board.js";
import { Runner } from "../../web/static/js/engine/runner.js";
import { Workspace } from "../../web/static/js/engine/workspace.js";
import { setName, setValue } from "../../web/static/js/model/commands.js";
import { starterDocument, starterWorkflow } from "../../web/static/js/model/starter.js";
import { Store } from "../../web/static/js/model/store.js";
import { DEFINITIONS } from "./catalogue.js";

function open() {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  return { store, workspace: new Workspace(store, () => starterDocument(DEFINITIONS)) };
}

/** @param {Store} store @param {number} seed */
function setSeed(store, seed) {
  const node = store.graph.nodeByKey("3");
  store.run("Set seed", (change) => setValue(change, /** @type {any} */ (node).id, "seed", seed));
}

/** @param {Store} store */
const seedOf = (store) => store.graph.nodeByKey("3")?.values.seed;

test("a tab in which nothing was done gives way, one with a change does not", () => {
  const { store, workspace } = open();
  workspace.open({ json: starterWorkflow() }, { name: "one" });
  assert.deepEqual(workspace.tabs.map((tab) => tab.name), ["one"]);
  setSeed(store, 5);
  assert.equal(workspace.active.isDirty, true);
  workspace.open({ json: starterWorkflow() }, { name: "two" });
  assert.deepEqual(workspace.tabs.map((tab) => [tab.name, tab.isDirty]), [["one", true], ["two", false]]);
});

test("each tab keeps its document and what can be undone in it", () => {
  const { store, workspace } = open();
  setSeed(store, 5);
  workspace.open({ json: starterWorkflow() }, { name: "two" });
  setSeed(store, 6);
  setSeed(store, 7);
  workspace.step(-1);
  assert.equal(seedOf(store), 5);
  store.undo();
  assert.equal(seedOf(store), 1);
  assert.equal(workspace.active.isDirty, false);
  workspace.step(1);
  store.undo();
  assert.equal(seedOf(store), 6);
});

test("the same file opened twice is two workflows, whose runs stay apart", () => {
  const { workspace } = open();
  const json = starterWorkflow();
  workspace.open({ json }, { name: "one", isDirty: true });
  workspace.open({ json }, { name: "one again" });
  const [one, two] = workspace.tabs.map((tab) => tab.workflow);
  assert.notEqual(one, two);
});

test("what is closed is opened again as it was, and the last tab gives way to a new one", () => {
  const { store, workspace } = open();
  setSeed(store, 99);
  store.run("Rename", (change) => setName(change, "mine"));
  const draft = workspace.close(workspace.active, 1);
  assert.equal(draft?.isDirty, true);
  assert.deepEqual([workspace.tabs.length, workspace.active.name, seedOf(store)], [1, "Untitled", 1]);
  workspace.reopen();
  assert.deepEqual([workspace.tabs.length, workspace.active.name, seedOf(store), workspace.active.isDirty], [1, "mine", 99, true]);
  assert.equal(workspace.reopen(), null);
});

test("tabs are restored in their order, and read only when they are shown", () => {
  const { store, workspace } = open();
  const drafts = ["a", "b", "c"].map((id) => ({ ...workspace.describe(workspace.active), id, name: id, isDirty: true, window: "w", time: 0 }));
  drafts[2].json = { nodes: "broken" };
  workspace.restore(drafts, "b");
  assert.deepEqual(workspace.tabs.map((tab) => [tab.id, tab.document !== undefined]), [["a", false], ["b", true], ["c", false]]);
  assert.equal(store.document, workspace.active.document);
  assert.deepEqual(workspace.describe(workspace.tabs[2]).json, { nodes: "broken" });
});

test("what is changed while a save is under way stays unsaved", () => {
  const { store, workspace } = open();
  setSeed(store, 2);
  const { saved } = workspace.saving(workspace.active);
  setSeed(store, 3);
  saved("name", "revision");
  assert.equal(workspace.active.isDirty, true);
  workspace.saving(workspace.active).saved("name", "next");
  assert.deepEqual([workspace.active.isDirty, workspace.active.revision], [false, "next"]);
});

test("messages of a run reach its own workflow only, on screen or not", () => {
  const { store, workspace } = open();
  const board = new Board();
  const runner = new Runner(store, board, "client");
  const workflow = store.document.id;
  runner.jobs.set("job", runner.newJob("job", workflow, { 3: { class_type: "KSampler", inputs: { seed: 7 } } }));
  runner.receive("execution_start", { prompt_id: "job" });
  runner.receive("executing", { prompt_id: "job", node: "3" });
  assert.equal(board.stateOf("3").state, "running");
  setSeed(store, 2);
  workspace.open({ json: starterWorkflow() }, { name: "two" });
  assert.deepEqual([board.stateOf("3").state, runner.current], ["idle", null]);
  runner.receive("progress", { prompt_id: "job", node: "3", value: 4, max: 9 });
  runner.receive("executed", { prompt_id: "job", node: "9", output: { images: [{ filename: "x.png" }] } });
  assert.deepEqual([board.stateOf("3").state, board.outputOf("9").pictures.length], ["idle", 0]);
  runner.receive("execution_success", { prompt_id: "job" });
  assert.equal(board.of(workflow).mark, "done");
  workspace.step(-1);
  assert.equal(board.outputOf("9").pictures.length, 1);
  assert.deepEqual([board.state.mark, board.state.seeds], [null, [{ key: "3", name: "seed", value: 7 }]]);
});

/** A runner with one run under way, what it tells and asks, and what the server answers to it. @param {Record<string, any>} answers by address */
function running(answers = {}) {
  const store = new Store(starterDocument(DEFINITIONS), DEFINITIONS);
  const runner = new Runner(store, new Board(), "client");
  /** @type {string[]} */
  const told = [];
  runner.listen(({ type, job }) => type !== "progress" && told.push(`${type} ${job?.id}`));
  const job = runner.newJob("job", store.document.id, { 3: { class_type: "KSampler", inputs: {} } });
  runner.jobs.set("job", Object.assign(job, { isTaken: true, ran: 1 }));
  /** @type {string[]} */
  const asked = [];
  globalThis.fetch = /** @type {any} */ (async (/** @type {string} */ address) => {
    asked.push(address);
    await new Promise((resolve) => setTimeout(resolve));
    const found = Object.entries(answers).find(([start]) => address.startsWith(start));
    return new globalThis.Response(JSON.stringify(found?.[1] ?? {}), { status: found ? 200 : 404 });
  });
  return { runner, told, asked, workflow: store.document.id };
}

test("a run is listed when the server has written its end down, not before", () => {
  const { runner, told } = running();
  runner.receive("execution_success", { prompt_id: "job" });
  assert.deepEqual(told, ["finished job"]);
  for (const id of ["other", "job", "job"]) runner.receive("executing", { prompt_id: id, node: null });
  assert.deepEqual(told, ["finished job", "listed job"]);
  assert.equal(runner.closing.size, 0);
});

test("a run that is over does not come back while the server has yet to write that down", async () => {
  const answers = { "api/jobs?status=pending": { jobs: /** @type {any[]} */ ([]) }, "api/jobs?status=completed": { jobs: [] } };
  const { runner, told, workflow } = running(answers);
  answers["api/jobs?status=pending"].jobs = [{ id: "job", status: "in_progress", workflow_id: workflow }];
  runner.receive("execution_success", { prompt_id: "job" });
  await runner.recover();
  assert.equal(runner.jobs.size, 0);
  answers["api/jobs?status=pending"].jobs = [];
  await runner.recover();
  assert.deepEqual(told, ["finished job", "listed job"]);
});

test("a run that somebody else takes out of the line is over", async () => {
  const { runner, told } = running({ "api/jobs?": { jobs: [] } });
  await runner.recover();
  assert.deepEqual(told, ["cancelled job", "listed job"]);
  assert.deepEqual([runner.jobs.size, runner.closing.size], [0, 0]);
});

test("a run is cancelled when the server says so, whether it waited or had just begun", async () => {
  const { runner, told, asked } = running({ "api/jobs/job/cancel": {} });
  await runner.cancel();
  assert.deepEqual([asked, told], [["api/jobs/job/cancel"], []]);
  runner.receive("execution_interrupted", { prompt_id: "job" });
  runner.receive("executing", { prompt_id: "job", node: null });
  assert.deepEqual(told, ["cancelled job", "listed job"]);
});

test("a run that is cancelled while it is on its way to the server is stopped when it has arrived", async () => {
  const { runner, asked } = running({ "api/prompt": {}, "api/jobs/": {} });
  runner.jobs.clear();
  const sent = runner.run();
  while (!asked.includes("api/prompt")) await new Promise((resolve) => setTimeout(resolve));
  const [id] = runner.jobs.keys();
  await runner.cancel();
  await sent;
  assert.deepEqual(asked, ["api/prompt", `api/jobs/${id}/cancel`]);
});

test("stored events of a job are told in the words of the socket", () => {
  assert.deepEqual(asMessages("nodes_cached", { nodes: ["1"] }), [["execution_cached", { nodes: ["1"] }]]);
  assert.deepEqual(asMessages("node_finished", { node_id: "2", ui: { images: [] } }), [
    ["progress_state", { nodes: { 2: { state: "finished", value: 1, max: 1 } } }], ["executed", { node: "2", output: { images: [] } }],
  ]);
  assert.deepEqual(asMessages("node_progress", { node_id: "2", display_id: "12:2", value: 3, total: 5 })[0][1].nodes, {
    "12:2": { state: "running", value: 3, max: 5 },
  });
});
