/** The node types as a library: where each comes from, a tree of categories, and what fits a few filters. */

/** @import { Definition } from "./types.js" */

import { find, folded } from "./search.js";
import { typesMatch } from "./validate.js";

/** @typedef {{input?: string, output?: string, source?: string}} Filters empty ones let everything through */
/** @typedef {{name: string, path: string, folders: Folder[], nodes: Definition[]}} Folder */

/** What comes with the app; packs have the name of their folder. */
export const OWN = "Sfumato";

/**
 * Where a node type comes from: a pack, the page, or the app itself.
 * @param {Definition} definition
 * @returns {string}
 */
export function sourceOf({ module, isVirtual, isSubgraph }) {
  if (isSubgraph) return "subgraph";
  if (isVirtual) return "page";
  const [place, pack] = module.split(".");
  return place === "custom_nodes" && pack ? pack : OWN;
}

const byName = new Intl.Collator();

/** Whether people look for it last: deprecated, for tests, or not settled yet. @param {Definition} one @returns {number} */
export function rank({ deprecated, isVirtual, category, experimental }) {
  return Number(deprecated) * 2 + Number(isVirtual) + Number(category.startsWith("_")) + Number(experimental);
}

/**
 * What can be chosen in the filters: the types of inputs and outputs, and where node types come from.
 * @param {readonly Definition[]} definitions
 * @returns {{inputs: string[], outputs: string[], sources: string[]}} each sorted
 */
export function choicesOf(definitions) {
  const inputs = new Set(definitions.flatMap((one) => one.inputs.filter((input) => !input.widget).map((input) => input.type)));
  const outputs = new Set(definitions.flatMap((one) => one.outputs.map((output) => output.type)));
  const sources = new Set(definitions.map(sourceOf));
  return { inputs: sorted(inputs), outputs: sorted(outputs), sources: sorted(sources) };
}

/** @param {Set<string>} names @returns {string[]} */
function sorted(names) {
  return [...names].filter((name) => name !== "*" && name !== "").sort((one, other) => one.localeCompare(other));
}

/**
 * Whether a node type passes the filters.
 * @param {Definition} definition @param {Filters} filters
 */
export function passes(definition, { input, output, source }) {
  if (input && !definition.inputs.some((one) => typesMatch(input, one.type))) return false;
  if (output && !definition.outputs.some((one) => typesMatch(one.type, output))) return false;
  return !source || sourceOf(definition) === source;
}

/** @type {WeakMap<Definition, import("./search.js").Entry<Definition>>} what is searched of each, written down once */
const written = new WeakMap();

/** @param {Definition} item */
function entryOf(item) {
  const entry = written.get(item) ?? { item, fields: [item.name, item.type, item.category, sourceOf(item), ...item.aliases ?? []].map(folded) };
  written.set(item, entry);
  return entry;
}

/** Searched at every keystroke. */
export class Library {
  /**
   * @param {readonly Definition[]} definitions
   * @param {Readonly<Record<string, number>>} uses how often each type was added by this person
   */
  constructor(definitions, uses = {}) {
    const order = [...definitions].sort((one, other) => rank(one) - rank(other)
      || (uses[other.type] ?? 0) - (uses[one.type] ?? 0) || byName.compare(one.name, other.name));
    this.entries = order.map(entryOf);
  }

  /**
   * The best node types for some words among those that pass the filters; what is used most comes first where words decide nothing.
   * @param {string} query @param {Filters} filters @param {number} limit
   * @returns {Definition[]}
   */
  search(query, filters = {}, limit = 100) {
    const isOpen = !filters.input && !filters.output && !filters.source;
    return find(isOpen ? this.entries : this.entries.filter(({ item }) => passes(item, filters)), query, limit);
  }
}

/** A path of folders without empty parts. @param {string} path @returns {string} */
export function tidied(path) {
  return path.split("/").map((part) => part.trim()).filter((part) => part !== "").join("/");
}

/**
 * The node types by category, or by another path of folders.
 * @param {readonly Definition[]} definitions @param {(definition: Definition) => string} placeOf
 * @returns {Folder} the root, whose name is empty
 */
export function treeOf(definitions, placeOf = ({ category }) => category) {
  /** @type {Folder} */
  const root = { name: "", path: "", folders: [], nodes: [] };
  /** @type {Map<string, Folder>} */
  const known = new Map([["", root]]);
  const folderAt = (/** @type {string} */ path) => {
    const found = known.get(path);
    if (found) return found;
    const cut = path.lastIndexOf("/");
    /** @type {Folder} */
    const folder = { name: path.slice(cut + 1), path, folders: [], nodes: [] };
    known.set(path, folder);
    folderAt(cut < 0 ? "" : path.slice(0, cut)).folders.push(folder);
    return folder;
  };
  for (const definition of definitions) {
    folderAt(tidied(placeOf(definition))).nodes.push(definition);
  }
  for (const { folders, nodes } of known.values()) {
    folders.sort((one, other) => Number(one.name.startsWith("_")) - Number(other.name.startsWith("_")) || one.name.localeCompare(other.name));
    nodes.sort((one, other) => rank(one) - rank(other) || one.name.localeCompare(other.name));
  }
  return root;
}

/** How many node types are in a folder and below it. @param {Folder} folder @returns {number} */
export function sizeOf({ folders, nodes }) {
  return folders.reduce((sum, folder) => sum + sizeOf(folder), nodes.length);
}
