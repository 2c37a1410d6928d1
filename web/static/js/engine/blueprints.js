/** Subgraphs that are kept to be used again: those of this person, in folders, and those that packs bring. */

/** @import { Definition, Definitions } from "../model/types.js" */

import { addBlueprint, blueprintDefinition, readBlueprint } from "../model/parts.js";
import { parseJson, writeJson } from "../model/io/json.js";
import { reasonOf, t } from "../words.js";
import { send } from "./api.js";

const FOLDER = "subgraphs";
const SUFFIX = ".json";
const MOST = 200;

/** @typedef {Readonly<{name: string, pack: string, reason: string}>} Unread what stays out, and why; the pack is "" for one's own */
/** @typedef {{name: string, path: string, pack: string}} Entry */
/** @typedef {{name: string, list: () => Promise<readonly Entry[]>, load: (path: string) => Promise<any>}} Shelf */

/** @param {string} name @returns {string} the address of a blueprint of this person */
function addressOf(name) {
  return `userdata/${encodeURIComponent(`${FOLDER}/${name}${SUFFIX}`)}`;
}

/** @type {Shelf} */
const OWN = {
  name: "userdata",
  list: async () => {
    const answer = await send(`userdata?dir=${FOLDER}&recurse=true&optional=true`);
    /** @type {string[]} */
    const files = await answer.json();
    return files.filter((file) => file.endsWith(SUFFIX)).map((file) => ({ name: file.slice(0, -SUFFIX.length), path: addressOf(file.slice(0, -SUFFIX.length)), pack: "" }));
  },
  load: async (path) => parseJson(await (await send(path)).text()),
};

/** @type {Shelf} */
const PACKS = {
  name: "global_subgraphs",
  list: async () => {
    /** @type {Record<string, {name?: string, info?: {node_pack?: string}}>} */
    const found = await (await send("global_subgraphs")).json();
    return Object.entries(found).map(([id, { name, info }]) => ({
      name: name ?? id, path: `global_subgraphs/${encodeURIComponent(id)}`, pack: info?.node_pack?.split(".").at(-1) ?? "",
    }));
  },
  load: async (path) => parseJson((await (await send(path)).json()).data),
};

/** The node types that blueprints would add. */
export class Blueprints {
  /** @param {readonly Shelf[]} shelves @param {string} category the name under which they stand in the library */
  constructor(category, shelves = [OWN, PACKS]) {
    this.category = category;
    this.shelves = shelves;
    /** @type {readonly Definition[]} */ this.definitions = [];
    /** @type {readonly Unread[]} */ this.unread = [];
  }

  /** Reads them anew; what cannot be read is told in `unread`. @param {Definitions} catalogue */
  async load(catalogue) {
    /** @type {Unread[]} */
    const unread = [];
    /** @type {Definition[]} */
    const definitions = [];
    const attempt = async (/** @type {string} */ name, /** @type {string} */ pack, /** @type {() => Promise<void>} */ work) =>
      work().catch((error) => void unread.push(Object.freeze({ name, pack, reason: reasonOf(error) })));
    await Promise.all(this.shelves.map((shelf) => attempt(shelf.name, "", async () => {
      const entries = await shelf.list();
      await Promise.all(entries.map(({ name, path, pack }, index) => attempt(name, pack, async () => {
        if (index >= MOST) throw new Error(t("Only the first {count} are read.", { count: MOST }));
        definitions.push(this.read(await shelf.load(path), name, pack, catalogue));
      })));
    })));
    const byName = (/** @type {{name: string}} */ one, /** @type {{name: string}} */ other) => one.name.localeCompare(other.name);
    this.definitions = definitions.sort(byName);
    this.unread = unread.sort(byName);
  }

  /**
   * @private @param {any} json @param {string} name with its folders @param {string} pack
   * @param {Definitions} catalogue @returns {Definition}
   */
  read(json, name, pack, catalogue) {
    const blueprint = readBlueprint(json);
    if (!blueprint) throw new Error(t("It is no workflow with one subgraph and nothing beside it."));
    const definition = blueprintDefinition(blueprint, catalogue);
    if (!definition) throw new Error(t("Its subgraph cannot be read."));
    const cut = name.lastIndexOf("/");
    const folders = [this.category, ...(cut < 0 ? [] : [name.slice(0, cut)])];
    return Object.freeze({
      ...definition, type: `blueprint ${pack} ${name}`, name: name.slice(cut + 1), category: folders.join("/"), isSubgraph: false,
      module: pack ? `custom_nodes.${pack}` : "",
      insert: (change, position) => addBlueprint(change, catalogue, blueprint, position),
    });
  }
}

/**
 * Keeps one under a name; throws if there is one of that name, unless it may be replaced. @param {string} name
 * @param {any} json @param {boolean} replaces
 */
export async function keepBlueprint(name, json, replaces) {
  await send(`${addressOf(name)}?overwrite=${replaces}`, { method: "POST", body: writeJson(json, 1), headers: { "Content-Type": "application/json" } });
}

/** @param {string} name */
export async function forgetBlueprint(name) {
  await send(addressOf(name), { method: "DELETE" });
}
