/** The results of a form: what each chosen node shows now, and the runs before. */

/** @import { App } from "../../app.js" */
/** @import { JobRow } from "../../engine/api.js" */
/** @import { FormItem } from "../../model/form.js" */

import { fetchJob, fetchJobs, viewUrl } from "../../engine/api.js";
import { nodeItems, nodeOfForm } from "../../model/form.js";
import { titleOf } from "../../model/slots.js";
import { t } from "../../words.js";
import { openLightbox } from "../dialogs.js";
import { make } from "../dom.js";
import { newest } from "../newest.js";
import { tell, toast } from "../toasts.js";
import { Binding, keyOf } from "./binding.js";

const MOST = 40;
const MOVING = /filename=[^&]*\.(mp4|webm|mov|m4v)(&|$)/i;

/**
 * The place of one output.
 * @param {App} app @param {Extract<FormItem, {kind: "output"}>} item @param {boolean} isFirst shows what the run looks like so far
 * @returns {import("./fields.js").Field}
 */
export function makeOutput(app, item, isFirst) {
  const heading = make("h3", { className: "form-output-title" });
  const body = make("div", { className: "form-pictures" });
  const element = make("section", { className: "form-output" }, heading, body);
  /** @type {string} */
  let drawn = "?";
  const update = () => {
    const place = nodeOfForm(app.store.document, item.node);
    heading.textContent = item.label || (place ? titleOf(app.store.definitions, place.node) : t("A result that is no longer there"));
    element.setAttribute("aria-label", heading.textContent);
    const { pictures, texts } = place ? app.board.outputOf(keyOf(app, place)) : { pictures: [], texts: [] };
    const job = app.runner.current;
    const live = isFirst && job ? app.runner.frames.get(job.id) ?? "" : "";
    const state = JSON.stringify([pictures, texts, live]);
    if (state === drawn) return;
    drawn = state;
    body.classList.toggle("is-one", live !== "" || pictures.length < 2);
    if (live !== "") body.replaceChildren(make("img", { src: live, alt: t("The result so far"), className: "form-result is-live" }));
    else if (pictures.length + texts.length === 0) body.replaceChildren(make("p", { className: "form-empty" }, t("Results appear here.")));
    else body.replaceChildren(...pictures.map((_url, index) => result(pictures, index)), ...texts.map((text) => make("pre", { className: "form-words" }, text)));
  };
  update();
  return { element, update };
}

/** @param {readonly string[]} urls @param {number} index @returns {HTMLElement} */
function result(urls, index) {
  if (MOVING.test(urls[index])) return make("video", { src: urls[index], controls: true, loop: true, muted: true, className: "form-result" });
  const picture = make("img", { src: urls[index], alt: t("Result {number} of {count}", { number: index + 1, count: urls.length }), className: "form-result" });
  return make("button", { type: "button", className: "form-open", onclick: () => openLightbox(urls, index) }, picture);
}

/** The runs of this workflow, the newest first. */
export class Past {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    /** @type {string | null} the job of which the results are shown */ this.shown = null;
    this.newest = newest();
    this.list = make("div", { className: "form-past", role: "group", "aria-label": t("Results of before") });
    this.use = make("button", { type: "button", onclick: () => void tell(this.take()) }, t("Use the values of this result"));
    this.element = make("section", { className: "form-history", hidden: true }, make("div", { className: "form-past-head" },
      make("h3", {}, t("Before")), this.use), this.list);
  }

  /** Asks the server again. */
  async refresh() {
    const { id } = this.app.store.document;
    const found = await this.newest(fetchJobs({ status: "completed", workflow_id: id, limit: MOST, sort_order: "desc" })).catch(() => null);
    if (!found || this.app.store.document.id !== id) return;
    const jobs = found.jobs.filter((job) => job.preview_output?.filename);
    this.element.hidden = jobs.length < 1;
    this.shown = jobs[0]?.id ?? null;
    this.list.replaceChildren(...jobs.map((job) => this.entry(job)));
    this.mark();
  }

  /** @private @param {JobRow} job @returns {HTMLElement} */
  entry(job) {
    const { preview_output: shown } = job;
    const time = new Date(job.execution_end_time ?? job.create_time ?? 0).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const picture = shown.mediaType === "images" ? make("img", { src: `${viewUrl(shown)}&preview=webp;60`, alt: "", loading: "lazy" }) : make("span", {}, time);
    return make("button", {
      type: "button", "data-job": job.id, title: time, "aria-label": t("Result of {time}", { time }), onclick: () => void this.show(job.id),
    }, picture);
  }

  /** @private @param {string} id */
  async show(id) {
    this.shown = id;
    this.mark();
    await tell(this.app.runner.showResult(id, this.app.store.document.id));
  }

  /** @private */
  mark() {
    for (const button of this.list.children) {
      if (button instanceof HTMLElement) button.setAttribute("aria-pressed", String(button.dataset.job === this.shown));
    }
  }

  /** Puts the values with which the shown result was made into the form, as one step. @private */
  async take() {
    if (!this.shown) return;
    const { app } = this;
    const prompt = (await fetchJob(this.shown)).workflow?.prompt;
    if (!prompt) return;
    const form = (await import("./view.js")).shownForm(app);
    const gesture = `values:${this.shown}:${Date.now()}`;
    for (const item of nodeItems(form)) {
      const place = item.kind === "input" ? nodeOfForm(app.store.document, item.node) : null;
      const value = place && item.kind === "input" ? prompt[keyOf(app, place)]?.inputs?.[item.name] : undefined;
      if (item.kind === "input" && value !== undefined && !Array.isArray(value)) new Binding(app, item.node, item.name, item).set(value, gesture);
    }
    toast(t("The form holds the values of this result."), { name: "values" });
  }
}
