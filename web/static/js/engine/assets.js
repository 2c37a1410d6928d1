/** The files that were made or brought in: which there are, where they can be fetched, which are shown. */

import { inputUrl, post, send } from "./api.js";

/** @typedef {"output" | "input" | "temp"} Place */
/** @typedef {"picture" | "film" | "sound" | "other"} Kind */
/** @typedef {{name: string, size: number, modified: number, place: Place, kind: Kind, seconds?: number}} Asset
 *   `name` with its folders; `seconds` of the run that made it, where they were asked for and are known */
/** @typedef {{query: string, kind: Kind | "", sort: "newest" | "oldest" | "name" | "size" | "longest" | "shortest"}} Wish */

const KINDS = /** @type {const} */ ([
  ["picture", /\.(png|jpe?g|webp|gif|avif|bmp|tiff?)$/i], ["film", /\.(mp4|webm|mov|mkv|m4v)$/i], ["sound", /\.(flac|mp3|wav|ogg|opus|m4a)$/i],
]);

/** @param {string} name @returns {Kind} */
export function kindOf(name) {
  return KINDS.find(([, pattern]) => pattern.test(name))?.[0] ?? "other";
}

/** @param {Place} place @param {boolean} hasRuns whether the runs that made them are looked up @returns {Promise<Asset[]>} newest first */
export async function listAssets(place, hasRuns = false) {
  const { files } = await (await send(`assets?type=${place}${hasRuns ? "&runs=1" : ""}`)).json();
  return files.map((/** @type {any} */ file) => ({ ...file, place, kind: kindOf(file.name) }));
}

/** @param {Place} place @param {readonly string[]} names @returns {Promise<string[]>} those that could not be deleted */
export async function deleteAssets(place, names) {
  return (await (await post("assets/delete", { type: place, names })).json()).kept;
}

/** @param {Asset} asset @returns {string} the address of the file itself */
export function assetUrl({ name, place, modified }) {
  return `${inputUrl(`${name} [${place}]`)}&rev=${modified}`;
}

/** @param {Asset} asset @param {128 | 256 | 512} size @returns {string} the address of a small picture of it */
export function smallUrl({ name, place, modified }, size) {
  return `api/assets/small?${new URLSearchParams({ type: place, name, size: String(size), rev: String(modified) })}`;
}

/** How a node names the file. @param {Asset} asset @returns {string} */
export function valueOf({ name, place }) {
  return place === "input" ? name : `${name} [${place}]`;
}

/** Whether an order goes by how long the runs took. @param {Wish} wish */
export function isByRun({ sort }) {
  return sort === "longest" || sort === "shortest";
}

/**
 * What answers a wish, in its order; files of unknown runs come last where runs decide.
 * @param {readonly Asset[]} assets @param {Wish} wish
 * @returns {Asset[]}
 */
export function wished(assets, { query, kind, sort }) {
  const words = query.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const found = assets.filter((one) => (kind === "" || one.kind === kind) && words.every((word) => one.name.toLowerCase().includes(word)));
  const orders = {
    newest: (/** @type {Asset} */ one, /** @type {Asset} */ other) => other.modified - one.modified,
    oldest: (/** @type {Asset} */ one, /** @type {Asset} */ other) => one.modified - other.modified,
    name: (/** @type {Asset} */ one, /** @type {Asset} */ other) => one.name.localeCompare(other.name, undefined, { numeric: true }),
    size: (/** @type {Asset} */ one, /** @type {Asset} */ other) => other.size - one.size,
    longest: (/** @type {Asset} */ one, /** @type {Asset} */ other) => (other.seconds ?? -1) - (one.seconds ?? -1),
    shortest: (/** @type {Asset} */ one, /** @type {Asset} */ other) => (one.seconds ?? 1e9) - (other.seconds ?? 1e9),
  };
  return found.sort(orders[sort]);
}
