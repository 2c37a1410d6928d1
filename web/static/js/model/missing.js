/** What a workflow needs and is not installed: node types with their packs, models, words of drop-downs; and what is there instead. */

/** @import { Document, Transaction } from "./document.js" */
/** @import { Definition, Definitions, InputSlot, Node } from "./types.js" */

import { setValue } from "./commands.js";
import { PASSING } from "./io/flatten.js";
import { listOf, recordOf, wordOf } from "./io/raw.js";
import { closest, likeness } from "./likeness.js";
import { slotsOf } from "./slots.js";
import { reachableSubgraphs } from "./subgraphs.js";
import { typesMatch } from "./validate.js";

/** @typedef {Readonly<{graph: string, node: string, key: string, input?: string}>} Where */
/** @typedef {Readonly<{id: string | null, repository: string | null, version: string | null}>} Pack */
/** @typedef {Readonly<{type: string, pack: Pack | null, nodes: readonly Where[], alternatives: readonly string[]}>} MissingType */

/**
 * A model that is not there. `nodes` with an `input` hold its name; `alternatives` are installed names, the same file first.
 * @typedef {Readonly<{name: string, folder: string | null, url: string | null, hash: string | null, hashType: string | null,
 *   nodes: readonly Where[], alternatives: readonly string[]}>} MissingModel
 */

/** @typedef {Readonly<{value: any, nodes: readonly Where[], alternatives: readonly string[]}>} MissingWord a word that a drop-down lacks */
/** @typedef {Readonly<{types: readonly MissingType[], models: readonly MissingModel[], words: readonly MissingWord[]}>} Missing */
/** @typedef {Readonly<{name: string, hash?: string | null}>} ModelFile */
/** @typedef {Readonly<Record<string, readonly (string | ModelFile)[]>>} Installed names of model files by folder */

const MODEL_FILE = /\.(safetensors|sft|ckpt|pt|pt2|pth|bin|gguf|onnx|vae|pkl)$/i;
const LIMIT = 5;

/**
 * What is missing in the graphs that a run of the document would use.
 * @param {Document} document @param {Definitions} definitions with the subgraphs of the document @param {Installed} [installed]
 * @returns {Missing}
 */
export function findMissing(document, definitions, installed = {}) {
  const search = new Search(definitions, installed);
  for (const raw of listOf(document.kept.models)) search.declare(raw, null);
  for (const id of [document.root.id, ...reachableSubgraphs(document, document.root.id)]) {
    const graph = /** @type {import("./document.js").Graph} */ (document.graphs.get(id));
    for (const node of graph.nodes.values()) search.look(id, node, (name) => graph.linkInto(node.id, name) !== undefined);
  }
  return search.found();
}

/** @param {string} name @returns {string} a file name without its folders, in small letters */
function base(name) {
  return name.replaceAll("\\", "/").split("/").at(-1)?.toLowerCase() ?? "";
}

/** @param {any} value @returns {string | null} */
function text(value) {
  return typeof value === "string" && value !== "" ? value : null;
}

/** One look over a document. */
class Search {
  /** @param {Definitions} definitions @param {Installed} installed */
  constructor(definitions, installed) {
    this.definitions = definitions;
    /** @type {ModelFile[]} */
    this.files = Object.entries(installed).flatMap(([folder, files]) =>
      files.map((file) => (typeof file === "string" ? { name: file, folder } : { ...file, folder })));
    this.present = new Set(this.files.map((file) => base(file.name)));
    /** @type {Map<string, {type: string, pack: Pack | null, nodes: Where[], example: Node}>} */ this.types = new Map();
    /** @type {Map<string, {fields: any, nodes: Where[], options: readonly string[]}>} by base name */ this.models = new Map();
    /** @type {Map<string, {value: any, nodes: Where[], options: readonly string[]}>} */ this.words = new Map();
  }

  /** @param {string} graph @param {Node} node @param {(input: string) => boolean} isLinked */
  look(graph, node, isLinked) {
    const where = { graph, node: node.id, key: node.key };
    if (!this.definitions.has(node.type) && !PASSING.has(node.type)) this.lacksType(node, where);
    const values = new Set(Object.values(node.values).map((value) => base(wordOf(value))));
    for (const raw of listOf(recordOf(node.kept.properties).models)) {
      if (!this.definitions.has(node.type) || values.has(base(wordOf(raw?.name)))) this.declare(raw, where);
    }
    for (const slot of slotsOf(this.definitions, node).inputs) {
      if (slot.widget?.kind === "combo" && !isLinked(slot.name)) this.check(node, slot, { ...where, input: slot.name });
    }
  }

  /** @param {Node} node @param {Where} where */
  lacksType(node, where) {
    const entry = this.types.get(node.type) ?? { type: node.type, pack: packOf(node), nodes: [], example: node };
    entry.pack ??= packOf(node);
    entry.nodes.push(where);
    this.types.set(node.type, entry);
  }

  /** A model that the file names. @param {any} raw `{name, url, directory, hash, hash_type}` @param {Where | null} where */
  declare(raw, where) {
    const name = text(raw?.name);
    if (!name) return;
    const entry = this.model(name);
    const { directory, url, hash, hash_type: hashType } = raw;
    entry.fields.folder ??= text(directory);
    entry.fields.url ??= text(url);
    entry.fields.hash ??= text(hash)?.toLowerCase() ?? null;
    entry.fields.hashType ??= text(hashType);
    if (where && !entry.nodes.some((one) => one.node === where.node)) entry.nodes.push(where);
  }

  /** @param {string} name @returns {{fields: any, nodes: Where[], options: readonly string[]}} */
  model(name) {
    let entry = this.models.get(base(name));
    if (!entry) this.models.set(base(name), (entry = { fields: { name }, nodes: [], options: [] }));
    return entry;
  }

  /** A drop-down of a node whose type is known. @param {Node} node @param {InputSlot} slot @param {Where} where */
  check(node, slot, where) {
    const value = node.values[slot.name];
    const options = slot.widget?.options ?? [];
    if (value === undefined || value === null || typeof value === "object") return;
    if (options.includes(value)) {
      if (typeof value === "string") this.present.add(base(value));
      return;
    }
    const names = options.filter((option) => typeof option === "string");
    if (typeof value === "string" && (MODEL_FILE.test(value) || this.models.has(base(value)))) {
      const entry = this.model(value);
      entry.fields.name = value;
      entry.nodes = [...entry.nodes.filter((one) => one.node !== where.node || one.input !== undefined), where];
      entry.options = names;
      entry.fields.isAsked = true;
      return;
    }
    const name = `${node.type} ${slot.name} ${String(value)}`;
    const entry = this.words.get(name) ?? { value, nodes: [], options: names };
    entry.nodes.push(where);
    this.words.set(name, entry);
  }

  /** @returns {Missing} */
  found() {
    const types = [...this.types.values()].map(({ type, pack, nodes, example }) =>
      Object.freeze({ type, pack, nodes, alternatives: alternativeTypes(this.definitions, example) }));
    const models = [...this.models.values()].filter(({ fields }) => fields.isAsked || !this.present.has(base(fields.name)))
      .map(({ fields, nodes, options }) => {
        const { name, folder = null, url = null, hash = null, hashType = null } = fields;
        return Object.freeze({ name, folder, url, hash, hashType, nodes, alternatives: this.alternatives(name, folder, hash, options) });
      });
    const words = [...this.words.values()].map(({ value, nodes, options }) =>
      Object.freeze({ value, nodes, alternatives: closest(String(value), options, LIMIT) }));
    return { types, models, words };
  }

  /**
   * Installed files for a name: those of the same content, then of the same name elsewhere, then of a like name.
   * @param {string} name @param {string | null} folder @param {string | null} hash @param {readonly string[]} options of the drop-down
   * @returns {string[]}
   */
  alternatives(name, folder, hash, options) {
    const files = /** @type {(ModelFile & {folder: string})[]} */ (this.files).filter((file) =>
      options.length > 0 ? options.includes(file.name) : folder === null || file.folder === folder);
    const names = options.length > 0 ? options : files.map((file) => file.name);
    const same = hash === null ? [] : files.filter((file) => file.hash?.toLowerCase() === hash).map((file) => file.name);
    const moved = names.filter((one) => base(one) === base(name));
    return [...new Set([...same, ...moved, ...closest(name, names, LIMIT)])].slice(0, LIMIT);
  }
}

/** @param {Node} node @returns {Pack | null} the pack that a node of a file says it is from */
function packOf(node) {
  const { cnr_id: id, aux_id: repository, ver } = recordOf(node.kept.properties);
  if (!text(id) && !text(repository)) return null;
  return Object.freeze({ id: text(id), repository: text(repository), version: text(ver) });
}

/**
 * Known types that could stand for one that is not: by name, and by the sockets that a node of it uses.
 * @param {Definitions} definitions @param {Node} node
 * @returns {string[]}
 */
function alternativeTypes(definitions, node) {
  const scored = [];
  for (const definition of definitions.values()) {
    if (definition.isVirtual || definition.isSubgraph) continue;
    const named = Math.max(likeness(node.type, definition.type), likeness(node.type, definition.name));
    if (named < 0.4) continue;
    scored.push({ type: definition.type, score: named + coverage(definition, node) });
  }
  return scored.filter((entry) => entry.score > 0.9).sort((one, other) => other.score - one.score).slice(0, LIMIT).map((entry) => entry.type);
}

/** @param {Definition} definition @param {Node} node @returns {number} how much of what is stored fits, 0 to 1 */
function coverage(definition, node) {
  const total = node.inputs.length + node.outputs.length;
  if (total === 0) return 0.5;
  const inputs = new Map(definition.inputs.map((input) => [input.name, input.type]));
  const found = node.inputs.filter((slot) => typesMatch(slot.type, inputs.get(slot.name) ?? "\u0000")).length +
    node.outputs.filter((slot, index) => typesMatch(slot.type, definition.outputs[index]?.type ?? "\u0000")).length;
  return found / total;
}

/**
 * Sets the value of every input that holds a missing name.
 * @param {Transaction} change @param {readonly Where[]} nodes @param {any} value
 */
export function replaceValue(change, nodes, value) {
  for (const { graph, node, input } of nodes) if (input !== undefined) setValue(change.at(graph), node, input, value);
}
