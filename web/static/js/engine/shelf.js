/** What the server keeps besides the present workflows: their earlier versions, drafts; and how to rename and delete. */

import { parseJson } from "../model/io/json.js";
import { send } from "./api.js";
import { pathOf } from "./kept.js";

/** @typedef {{id: string, revision: string, modified: number, size: number}} Version `modified` in milliseconds */

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
