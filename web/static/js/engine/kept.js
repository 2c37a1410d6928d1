/** What the server keeps for the page: saved workflows with revisions and versions, and drafts; fetched when it is needed. */

import { ApiError, send } from "./api.js";
import { parseJson, writeJson } from "../model/io/json.js";

/** @typedef {{name: string, size: number, modified: number}} Saved `modified` in milliseconds */
/** @typedef {{id: string, revision: string, modified: number, size: number}} Version */

/** Somebody else has saved a workflow since it was read. */
export class Conflict extends Error {
  /** @param {string} name @param {string | null} revision what it is now, null when it is gone */
  constructor(name, revision) {
    super(`“${name}” was saved by somebody else meanwhile.`);
    this.workflow = name;
    this.revision = revision;
  }
}

/** @returns {Promise<Saved[]>} */
export async function listWorkflows() {
  return (await (await send("workflows")).json()).workflows;
}

/** @param {string} name @returns {string} */
function pathOf(name) {
  return `workflows/${encodeURIComponent(name)}`;
}

/** @param {Response} answer @returns {string} */
function revisionOf(answer) {
  return (answer.headers.get("ETag") ?? "").replace(/^W\//, "").replaceAll('"', "");
}

/** @param {string} name @returns {Promise<{json: any, revision: string}>} */
export async function loadWorkflow(name) {
  const answer = await send(pathOf(name), { cache: "no-store" });
  return { json: parseJson(await answer.text()), revision: revisionOf(answer) };
}

/**
 * Saves a workflow over the revision that was seen; throws a Conflict if it is another one by now.
 * @param {string} name @param {any} json @param {string | null} revision null where there should be none, "*" over anything
 * @returns {Promise<string>} the new revision
 */
export async function saveWorkflow(name, json, revision) {
  try {
    const answer = await send(pathOf(name), {
      method: "PUT", body: writeJson(json, 1),
      headers: { "Content-Type": "application/json", ...(revision === null ? {} : { "If-Match": `"${revision}"` }) },
    });
    return (await answer.json()).revision;
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) throw new Conflict(name, error.body?.revision ?? null);
    throw error;
  }
}

/** @param {string} name @returns {Promise<Version[]>} what it was before, newest first */
export async function listVersions(name) {
  return (await (await send(`${pathOf(name)}/versions`)).json()).versions;
}

/** @param {string} name @param {string} id @returns {Promise<any>} */
export async function loadVersion(name, id) {
  return parseJson(await (await send(`${pathOf(name)}/versions/${encodeURIComponent(id)}`)).text());
}

/** @param {string} name */
export async function deleteWorkflow(name) {
  await send(`userdata/${encodeURIComponent(`workflows/${name}.json`)}`, { method: "DELETE" });
}

/** Gives a workflow another name, if that is free. @param {string} name @param {string} other */
export async function moveWorkflow(name, other) {
  const [from, to] = [name, other].map((one) => encodeURIComponent(`workflows/${one}.json`));
  await send(`userdata/${from}/move/${to}?overwrite=false`, { method: "POST", headers: { "Content-Type": "application/json" } });
}

/** @returns {Promise<(Record<string, any> & {id: string, modified: number})[]>} drafts without their graphs, latest first */
export async function listDrafts() {
  return (await (await send("drafts")).json()).drafts;
}

/** @param {string} id @returns {Promise<any>} */
export async function loadDraft(id) {
  return parseJson(await (await send(`drafts/${encodeURIComponent(id)}`)).text());
}
