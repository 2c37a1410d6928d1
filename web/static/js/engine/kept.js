/** Saved workflows: read with their revision, written only over the one that was seen. */

import { ApiError, send } from "./api.js";
import { parseJson, writeJson } from "../model/io/json.js";

/** @typedef {{name: string, size: number, modified: number}} Saved `modified` in milliseconds */

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

/** The address of a workflow below `api/`. @param {string} name @returns {string} */
export function pathOf(name) {
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
