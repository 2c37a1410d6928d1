/** What can be done with one job of the queue. */

/** @import { App } from "../app.js" */
/** @import { JobRow } from "../engine/api.js" */
/** @import { Queue, SectionName } from "../engine/queue.js" */
/** @import { Item } from "./menu.js" */

import { fetchJob } from "../engine/api.js";
import { seedsOf } from "../engine/results.js";
import { openJson } from "../model/io/open.js";
import { t } from "../words.js";
import { openDialog } from "./dialogs.js";
import { make } from "./dom.js";
import { takeSeeds } from "./seeds.js";
import { tell } from "./toasts.js";

/**
 * @param {App} app @param {Queue} queue @param {SectionName} section @param {number} index @param {JobRow} job
 * @returns {Item[]}
 */
export function jobItems(app, queue, section, index, job) {
  const isOver = section === "finished";
  const last = queue.sections.waiting.total - 1;
  return [
    { label: t("Open the workflow that made this"), keys: "Enter", run: () => void tell(openJob(app, job)) },
    ...(isOver ? [
      { label: t("Show the result in the graph"), run: () => void tell(showInGraph(app, job)) },
      { label: t("Use this seed"), run: () => void tell(useSeedOf(app, job)) },
      { label: t("What ran and why…"), run: () => void tell(showWhy(app, queue, job)) },
    ] : []),
    ...(job.execution_error ? [{ label: t("What went wrong…"), run: () => showError(job) }] : []),
    null,
    ...(section === "waiting" ? [
      { label: t("Run next"), isDisabled: index === 0, run: () => void tell(queue.front(job.id)) },
      { label: t("Earlier"), keys: "Alt+↑", isDisabled: index === 0, run: () => void tell(queue.move(job.id, index - 1)) },
      { label: t("Later"), keys: "Alt+↓", isDisabled: index === last, run: () => void tell(queue.move(job.id, index + 1)) },
      null,
    ] : []),
    isOver ? { label: t("Run again"), run: () => void tell(queue.act(job.id, "retry")) }
      : { label: t("Cancel"), keys: "Delete", run: () => void tell(queue.act(job.id, "cancel")) },
    ...(isOver ? [{ label: t("Forget"), keys: "Delete", run: () => void tell(queue.clearFinished([job.id])) }] : []),
    { label: t("Copy the id"), run: () => void tell(navigator.clipboard.writeText(job.id)) },
  ];
}

/** Opens the workflow of a job, as it was then, in a tab of its own. @param {App} app @param {JobRow} job */
export async function openJob(app, job) {
  const { workflow, outputs } = await fetchJob(job.id);
  const opened = openJson(workflow?.extra_data?.extra_pnginfo?.workflow ?? workflow?.prompt, app.store.catalogue);
  const name = app.workspace.nameOf(job.workflow_id) ?? t("Job {id}", { id: job.id.slice(0, 8) });
  const tab = app.open(opened.document, name, { doubts: opened.doubts });
  if (outputs) await app.runner.showResult(job.id, tab.workflow);
}

/** Shows the results of a job on the workflow that is open, or opens it. @param {App} app @param {JobRow} job */
async function showInGraph(app, job) {
  const tab = app.workspace.tabs.find((one) => one.workflow === job.workflow_id);
  if (!tab) return openJob(app, job);
  app.workspace.show(tab);
  await app.runner.showResult(job.id, tab.workflow);
}

/** @param {App} app @param {JobRow} job */
async function useSeedOf(app, job) {
  const { workflow } = await fetchJob(job.id);
  const tab = app.workspace.tabs.find((one) => one.workflow === job.workflow_id);
  if (!tab) await openJob(app, job);
  else app.workspace.show(tab);
  takeSeeds(app, seedsOf(workflow?.prompt ?? {}, app.store));
}

/** @param {App} app @param {Queue} queue @param {JobRow} job */
async function showWhy({ actions, workspace, store }, queue, job) {
  const nodes = await queue.why(job.id);
  const isOpen = workspace.active.workflow === job.workflow_id;
  const rows = Object.entries(nodes).map(([key, { did, text }]) => {
    const node = isOpen ? store.find(key)?.node : undefined;
    const show = () => {
      dialog.close();
      actions.showNode(key);
    };
    const name = node ? make("button", { type: "button", className: "link", onclick: show }, `${node.title ?? node.type} #${key}`) : `#${key}`;
    return make("tr", {}, make("td", {}, name), make("td", {}, did), make("td", {}, text));
  });
  const dialog = openDialog(t("What ran and why"), make("div", { className: "reports" }, make("table", { className: "why-table" }, ...rows)));
  dialog.classList.add("is-broad");
}

/** @param {JobRow} job */
function showError({ execution_error: error }) {
  const trace = Array.isArray(error.traceback) ? error.traceback.join("") : "";
  const text = [`${error.node_type} #${error.node_id}`, error.exception_message, trace].filter(Boolean).join("\n\n");
  openDialog(t("What went wrong"), make("div", { className: "reports" }, make("pre", {}, text), make("div", { className: "actions" },
    make("button", { type: "button", onclick: () => void tell(navigator.clipboard.writeText(text)) }, t("Copy"))))).classList.add("is-broad");
}
