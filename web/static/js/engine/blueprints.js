/** Subgraphs that are kept to be used again: those of this person, in folders, and those that packs bring. */

/** @import { Definition, Definitions } from "../model/types.js" */

import { addBlueprint, blueprintDefinition, readBlueprint } from "../model/parts.js";
import { parseJson, writeJson } from "../model/io/json.js";
import { send } from "./api.js";

const FOLDER = "subgraphs";
const SUFFIX = ".json";
const MOST = 200;

/** @typedef {{list: () => Promise<readonly {name: string, path: string, pack: string}[]>, load: (path: string) => Promise<any>}} Shelf */

/** @param {string} name @returns {string} the address of a blueprint of this person */
function addressOf(name) {
  return `userdata/${encodeURIComponent(`${FOLDER}/${name}${SUFFIX}`)}`;
}

/** @type {Shelf} */
const OWN = {
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
  }

  /** Reads them anew; one that cannot be read is left out. @param {Definitions} catalogue */
  async load(catalogue) {
    const lists = await Promise.all(this.shelves.map(async (shelf) => (await shelf.list()).slice(0, MOST).map((entry) => ({ ...entry, shelf }))));
    const found = await Promise.all(lists.flat().map(async ({ name, path, pack, shelf }) => {
      const json = await shelf.load(path).catch(() => null);
      return this.read(json, name, pack, catalogue);
    }));
    this.definitions = found.filter((definition) => definition !== null);
  }

  /**
   * @private @param {any} json @param {string} name with its folders @param {string} pack
   * @param {Definitions} catalogue @returns {Definition | null}
   */
  read(json, name, pack, catalogue) {
    const blueprint = readBlueprint(json);
    const definition = blueprint && blueprintDefinition(blueprint, catalogue);
    if (!blueprint || !definition) return null;
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
