/** Speaks HTTP with the server. Every address is relative to the page. */

/** @import { PromptNode } from "../model/types.js" */

import { parseJson, writeJson } from "../model/io/json.js";
import { t } from "../words.js";

/** An answer of the server that is not what was asked for. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status @param {any} body */
  constructor(message, status, body) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

/** @typedef {{name: string, error: string | null, traceback: string | null, problems: readonly string[]}} PackReport */
/** @typedef {{filename: string, subfolder?: string, type?: string}} FileRecord */

/**
 * Asks the server; throws an ApiError with a sentence for every answer that is no success.
 * @param {string} path below `api/` @param {RequestInit} options
 * @returns {Promise<Response>}
 */
export async function send(path, options = {}) {
  let answer;
  try {
    answer = await fetch(`api/${path}`, options);
  } catch {
    throw new ApiError(t("The server does not answer. Is it still running?"), 0, null);
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  throw new ApiError(sentence(text, answer), answer.status, parsed(text));
}

/** @param {string} text @returns {any} */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {string} text @param {Response} answer @returns {string} */
function sentence(text, answer) {
  const error = parsed(text)?.error;
  const message = typeof error === "string" ? error : error?.message;
  return message || (text.length > 0 && text.length < 300 && !text.startsWith("<") ? text : t("The server answered {status}.", { status: answer.status }));
}

/** Sends JSON. @param {string} path @param {any} body @returns {Promise<Response>} */
export function post(path, body) {
  return send(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: writeJson(body) });
}

/** @returns {Promise<Record<string, any>>} the catalogue of node types */
export async function fetchCatalogue() {
  return (await send("object_info")).json();
}

/** @returns {Promise<Record<string, any>>} everything this user chose */
export async function fetchSettings() {
  return (await send("settings")).json();
}

/** @param {Record<string, any>} changes merged into what the server keeps; sent even while the page closes */
export async function sendSettings(changes) {
  await send("settings", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(changes), keepalive: true,
  });
}

/** @returns {Promise<{is_complete: boolean, packs: readonly PackReport[]}>} how the packs loaded */
export async function fetchPacks() {
  return (await send("packs")).json();
}

/** @returns {Promise<readonly string[]>} addresses of the scripts that packs bring */
export async function fetchExtensions() {
  return (await send("extensions")).json();
}

/**
 * Hands a prompt to the queue.
 * @param {{prompt: Record<string, PromptNode>, client_id: string, prompt_id: string, front?: boolean, extra_data: any}} body
 * @returns {Promise<{prompt_id: string, number: number, node_errors: Record<string, any>}>}
 */
export async function queuePrompt(body) {
  return (await post("prompt", body)).json();
}

/** Stops whatever runs on the server, whoever asked for it. */
export async function interrupt() {
  await post("interrupt", {});
}

/** Stops a job wherever it stands, and all the same when it has just begun or ended. @param {string} id */
export async function cancelJob(id) {
  await post(`jobs/${encodeURIComponent(id)}/cancel`, {});
}

/**
 * A job as lists show it.
 * @typedef {{id: string, status: "pending" | "in_progress" | "completed" | "failed", state: string, position?: number,
 *   create_time?: number, execution_start_time?: number, execution_end_time?: number, execution_error?: any,
 *   outputs_count?: number, preview_output?: any, workflow_id?: string}} JobRow
 */

/**
 * Jobs of all states, without their graphs.
 * @param {Record<string, string | number>} query
 * @returns {Promise<{jobs: JobRow[], pagination: {offset: number, total: number, has_more: boolean}}>}
 */
export async function fetchJobs(query) {
  const text = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  return (await send(`jobs?${text}`)).json();
}

/**
 * One job with its graph and its results.
 * @param {string} id
 * @returns {Promise<JobRow & {outputs?: Record<string, any>, workflow?: {prompt: Record<string, any>, extra_data?: any}}>}
 */
export async function fetchJob(id) {
  return parseJson(await (await send(`jobs/${encodeURIComponent(id)}`)).text());
}

/**
 * Puts a picture into the input folder.
 * @param {Blob} file @param {string} name
 * @returns {Promise<string>} the name under which nodes know it
 */
export async function uploadImage(file, name) {
  const form = new FormData();
  form.append("image", file, name);
  const record = await (await send("upload/image", { method: "POST", body: form })).json();
  return record.subfolder ? `${record.subfolder}/${record.name}` : record.name;
}

/** @param {FileRecord} record @returns {string} the address of a file */
export function viewUrl(record) {
  const query = new URLSearchParams({
    filename: record.filename, subfolder: record.subfolder ?? "", type: record.type ?? "output",
  });
  return `api/view?${query}`;
}

/** @param {string} name as an input node holds it, perhaps "name.png [output]" @returns {string} */
export function inputUrl(name) {
  const annotated = /^(.*) \[(input|output|temp)\]$/.exec(name);
  const path = (annotated ? annotated[1] : name).replaceAll("\\", "/");
  const cutAt = path.lastIndexOf("/");
  return viewUrl({
    filename: path.slice(cutAt + 1), subfolder: cutAt < 0 ? "" : path.slice(0, cutAt), type: annotated ? annotated[2] : "input",
  });
}

/** Most browsers send no more than this while a page goes away. */
const KEEPALIVE_LETTERS = 60_000;

/** @param {string} id @param {any} draft */
export async function sendDraft(id, draft) {
  const body = writeJson(draft);
  await send(`drafts/${encodeURIComponent(id)}`, {
    method: "PUT", headers: { "Content-Type": "application/json" }, body, keepalive: body.length < KEEPALIVE_LETTERS,
  });
}

/** @param {string} id */
export async function dropDraft(id) {
  await send(`drafts/${encodeURIComponent(id)}`, { method: "DELETE", headers: { "Content-Type": "application/json" } });
}
