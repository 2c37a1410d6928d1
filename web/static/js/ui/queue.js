/** The queue: what runs, waits and is over, what it gave, and everything that can be done about it. */

/** @import { App } from "../app.js" */
/** @import { JobRow } from "../engine/api.js" */
/** @import { Queue, SectionName } from "../engine/queue.js" */

import { viewUrl } from "../engine/api.js";
import { SECTIONS } from "../engine/queue.js";
import { spanText } from "../model/text.js";
import { t } from "../words.js";
import { askChoice } from "./dialogs.js";
import { make, scaled } from "./dom.js";
import { jobItems, openJob } from "./jobmenu.js";
import { openMenu } from "./menu.js";
import { tell } from "./toasts.js";
import { VirtualList } from "./virtual.js";

const ROW = 60;
const HEADING = 34;
const TICK_MILLISECONDS = 500;
const DRAG_PIXELS = 6;
/** The part of the list of which the rows change all the time. */
const RUNNING = SECTIONS.indexOf("running");

/** Makes the panel. @param {App} app @param {Queue} queue @param {HTMLElement} element @returns {() => void} */
export function renderQueue(app, queue, element) {
  const list = new VirtualList({ rowHeight: ROW, headingHeight: HEADING, label: t("Jobs") });
  const pause = make("button", { type: "button", onclick: () => void tell(queue.togglePause()) });
  const clear = make("button", { type: "button", onclick: () => void clearMenu(queue, clear) }, t("Clear…"));
  const bar = make("div", { className: "queue-bar" }, pause, clear);
  element.classList.add("queue");
  element.append(bar, list.element);
  const fill = () => {
    pause.textContent = queue.paused ? t("Go on") : t("Pause");
    pause.setAttribute("aria-pressed", String(queue.paused));
    list.fill(SECTIONS.map((name) => ({
      heading: heading(queue, name), count: queue.sections[name].total,
      render: (/** @type {number} */ index) => row(app, queue, name, index),
    })));
  };
  list.body.addEventListener("keydown", (event) => press(app, queue, list, event));
  const stop = queue.listen(fill);
  const deafen = app.runner.listen(({ type }) => {
    if (type !== "progress") queue.stir();
  });
  const timer = setInterval(() => {
    if (queue.sections.running.total > 0) list.renew(RUNNING);
  }, TICK_MILLISECONDS);
  fill();
  void queue.refresh();
  return () => {
    stop();
    deafen();
    clearInterval(timer);
    list.dispose();
  };
}

/** @param {Queue} queue @param {SectionName} name @returns {HTMLElement} */
function heading(queue, name) {
  const words = { running: t("Running"), waiting: queue.paused ? t("Waiting, held back") : t("Waiting"), finished: t("Finished") };
  return make("div", { className: "queue-heading", role: "presentation" }, make("span", {}, words[name]),
    make("span", { className: "queue-count" }, String(queue.sections[name].total)));
}

/** @param {Queue} queue @param {HTMLElement} button */
function clearMenu(queue, button) {
  const box = button.getBoundingClientRect();
  openMenu(box.left, box.bottom + 4, [
    { label: t("Take out all that waits"), isDisabled: queue.sections.waiting.total === 0, run: () => void tell(queue.clearWaiting()) },
    {
      label: t("Forget all that is finished…"), isDisabled: queue.sections.finished.total === 0, run: async () => {
        const text = t("The list of finished jobs is emptied. Pictures and other files stay where they are.");
        if (await askChoice(t("Forget all that is finished?"), text, [t("Forget")]) !== null) await tell(queue.clearFinished(null));
      },
    },
  ]);
}

/** @param {App} app @param {Queue} queue @param {SectionName} section @param {number} index @returns {HTMLElement} */
function row(app, queue, section, index) {
  const job = queue.sections[section].at(index);
  if (!job) return make("div", { className: "queue-row is-awaited", role: "listitem" });
  const { part, text } = standing(app, queue, section, index, job);
  const name = nameOf(app, job);
  const element = make("div", {
    className: `queue-row is-${job.state}`, role: "listitem", "aria-label": `${name}, ${text}`, "data-job": job.id,
    ondblclick: () => void openJob(app, job), oncontextmenu: (/** @type {MouseEvent} */ event) => {
      event.preventDefault();
      openMenu(event.clientX, event.clientY, jobItems(app, queue, section, index, job));
    },
  }, picture(app, job), make("div", { className: "queue-text" }, make("strong", {}, name), make("span", { title: text }, text)),
  make("button", {
    type: "button", className: "quiet small", tabIndex: -1, "aria-label": t("What can be done"), onclick: (/** @type {MouseEvent} */ event) => {
      const box = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect();
      openMenu(box.left, box.bottom, jobItems(app, queue, section, index, job));
    },
  }, "⋯"));
  if (part !== null) {
    const bar = make("div", { className: "queue-progress" });
    bar.style.transform = `scaleX(${part})`;
    element.append(bar);
  }
  if (section === "waiting") drag(queue, job, index, element);
  return element;
}

/** @param {App} app @param {JobRow} job @returns {string} */
function nameOf({ workspace }, job) {
  const tab = workspace.tabs.find((one) => one.workflow === job.workflow_id) ?? null;
  return tab?.name ?? workspace.nameOf(job.workflow_id) ?? t("Job {id}", { id: job.id.slice(0, 8) });
}

/** @param {App} app @param {JobRow} job @returns {HTMLElement} */
function picture(app, job) {
  const live = app.runner.frames.get(job.id);
  const shown = job.preview_output;
  const src = live ?? (shown?.filename && shown.mediaType === "images" ? `${viewUrl(shown)}&preview=webp;60` : null);
  return src ? make("img", { className: "queue-picture", src, alt: "", loading: "lazy", decoding: "async" }) : make("div", { className: "queue-picture" });
}

/**
 * How far a job is, and that in words.
 * @param {App} app @param {Queue} queue @param {SectionName} section @param {number} index @param {JobRow} job
 * @returns {{part: number | null, text: string}}
 */
function standing(app, queue, section, index, job) {
  const expected = queue.expectedOf(section === "finished" ? undefined : job.workflow_id);
  const { execution_start_time: start = 0, execution_end_time: end = 0 } = job;
  if (section === "running") {
    const elapsed = Date.now() - start;
    const mine = app.runner.jobs.get(job.id);
    const part = mine && mine.keys.length > 0 ? Math.min(1, (mine.finished.size + mine.part) / mine.keys.length) : null;
    const guess = part ?? (expected ? Math.min(0.97, elapsed / expected) : null);
    const left = expected ? t("{elapsed} of about {expected}", { elapsed: spanText(elapsed), expected: spanText(expected) }) : spanText(elapsed);
    return { part: guess, text: part === null ? left : `${Math.round(part * 100)} %, ${left}` };
  }
  if (section === "waiting") {
    const place = index === 0 ? t("next") : t("{count} before it", { count: index });
    return { part: null, text: expected ? t("{place}, takes about {expected}", { place, expected: spanText(expected) }) : place };
  }
  if (job.state === "cancelled") return { part: null, text: t("cancelled") };
  if (job.execution_error) return { part: null, text: String(job.execution_error.exception_message ?? t("failed")) };
  const when = new Date(end).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return { part: null, text: t("{span}, at {when}", { span: spanText(end - start), when }) };
}

/** @param {App} app @param {Queue} queue @param {VirtualList} list @param {KeyboardEvent} event */
function press(app, queue, list, event) {
  const [part, index] = (list.current ?? "0:0").split(":").map(Number);
  const section = SECTIONS[part];
  const job = queue.sections[section].at(index);
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
  if (step !== undefined && event.altKey) {
    if (job && section === "waiting") {
      list.current = `${part}:${Math.max(0, Math.min(queue.sections.waiting.total - 1, index + step))}`;
      void tell(queue.move(job.id, index + step));
    }
  } else if (step !== undefined) list.step(step);
  else if (event.key === "Enter" && job) void openJob(app, job);
  else if (event.key === "Delete" && job) void tell(section === "finished" ? queue.clearFinished([job.id]) : queue.act(job.id, "cancel"));
  else if ((event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) && job) {
    const box = /** @type {HTMLElement} */ (event.target).getBoundingClientRect();
    openMenu(box.left + 20, box.bottom, jobItems(app, queue, section, index, job));
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Lets a waiting job be dragged to another place. @param {Queue} queue @param {JobRow} job @param {number} index @param {HTMLElement} element */
function drag(queue, job, index, element) {
  element.addEventListener("pointerdown", (down) => {
    if (down.button !== 0 || /** @type {HTMLElement} */ (down.target).closest("button")) return;
    let place = index;
    const move = (/** @type {PointerEvent} */ event) => {
      const way = event.clientY - down.clientY;
      if (Math.abs(way) < DRAG_PIXELS) return;
      place = Math.max(0, Math.min(queue.sections.waiting.total - 1, index + Math.round(way / scaled(ROW))));
      element.classList.add("is-held");
      element.style.translate = `0 ${way}px`;
    };
    const up = () => {
      removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) removeEventListener(name, up);
      element.classList.remove("is-held");
      element.style.translate = "";
      if (place !== index) void tell(queue.move(job.id, place));
    };
    addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) addEventListener(name, up);
  });
}
