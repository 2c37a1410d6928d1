/** Group nodes of older files (`workflow>Name`): their nodes take their place, and are put into a subgraph each. */

/** @import { Definitions } from "../types.js" */
/** @import { Doubt, Opened } from "./read.js" */

import { connect } from "../commands.js";
import { Transaction } from "../document.js";
import { makeSubgraph } from "../nesting.js";
import { inputSlot } from "../slots.js";
import { entryOf, withSubgraphs } from "../subgraphs.js";
import { isRecord, listOf, readLink, readTitle, recordOf, wordOf } from "./raw.js";
import { readWorkflow } from "./read.js";
import { listedNames, readValues } from "./values.js";

const PREFIX = /^workflow[>/]/;
const DEEPEST = 8;
/** Group nodes that hold group nodes could grow without end. */
const MOST_NODES = 20_000;

/**
 * @typedef {{name: string, title: string | null, mode: any, keys: string[], shown: [string, string][]}} Unfolded nodes by key; which values
 * were shown outside
 */
/** @typedef {{json: any, groups: Unfolded[], doubts: Doubt[]}} Expanded */

/** @param {any} json @returns {boolean} whether a file has group nodes that it also explains */
export function hasGroupNodes(json) {
  const known = recordOf(recordOf(json?.extra).groupNodes);
  return listOf(json?.nodes).some((node) => PREFIX.test(wordOf(node?.type)) && isRecord(known[wordOf(node.type).replace(PREFIX, "")]));
}

/** The numbers that are free in a file. */
class Free {
  /** @param {any} json */
  constructor(json) {
    const largest = (/** @type {any[]} */ values) => values.map(Number).filter(Number.isSafeInteger)
      .reduce((most, value) => Math.max(most, value), 0);
    this.node = largest([json.last_node_id, ...listOf(json.nodes).map((node) => node?.id)]);
    this.link = largest([json.last_link_id, ...listOf(json.links).map((link) => readLink(link)?.key)]);
  }
}

/** One group node on its way out of the file. */
class Unfolding {
  /** @param {any} raw the group node @param {any} group what it stands for @param {Free} free @param {Definitions} definitions */
  constructor(raw, group, free, definitions) {
    this.raw = raw;
    this.inner = listOf(group.nodes).filter(isRecord);
    this.config = recordOf(group.config);
    this.definitions = definitions;
    this.ids = this.inner.map(() => ++free.node);
    /** @type {any[][]} */ this.links = [];
    const corner = [0, 1].map((axis) => Math.min(...this.inner.map((node) => Number(node.pos?.[axis]) || 0)));
    this.nodes = this.inner.map((node, index) => ({
      ...node, id: this.ids[index], pos: [0, 1].map((axis) => (Number(raw.pos?.[axis]) || 0) + (Number(node.pos?.[axis]) || 0) - corner[axis]),
      inputs: listOf(node.inputs).map((slot) => ({ ...slot, link: null })), outputs: listOf(node.outputs).map((slot) => ({ ...slot, links: [] })),
    }));
    this.external = new Set(listOf(group.external).map((entry) => `${entry?.[0]} ${entry?.[1]}`));
    /** @type {Map<string, {index: number, name: string}> | undefined} */ this.names = undefined;
    this.used = new Set();
    for (const [from, slot, to, index, , type] of listOf(group.links).filter(Array.isArray)) {
      if (!this.nodes[from] || !this.nodes[to]?.inputs[index]) continue;
      const key = ++free.link;
      this.nodes[to].inputs[index].link = key;
      this.links.push([key, this.ids[from], slot, this.ids[to], index, type ?? "*"]);
      this.used.add(`${from} ${slot}`);
    }
  }

  /** @param {number} index @param {"input" | "output"} side @param {string | number} name @returns {any} what the group says of a socket */
  about(index, side, name) {
    return recordOf(recordOf(recordOf(this.config[index])[side])[name]);
  }

  /** The outputs of the group node, in their order. @returns {[number, number][]} node and slot */
  outputs() {
    return this.nodes.flatMap((node, index) => node.outputs.flatMap((/** @type {any} */ _slot, /** @type {number} */ slot) => {
      const place = `${index} ${slot}`;
      const isShown = (!this.used.has(place) || this.external.has(place)) && this.about(index, "output", slot).visible !== false;
      return isShown ? [/** @type {[number, number]} */ ([index, slot])] : [];
    }));
  }

  /** What each input and value is called outside. @private @returns {Map<string, {index: number, name: string}>} */
  findNames() {
    /** @type {Map<string, {index: number, name: string}>} */
    const names = new Map();
    for (const [index, node] of this.nodes.entries()) {
      const own = node.inputs.map((/** @type {any} */ slot) => wordOf(slot.name));
      const widgets = (this.definitions.get(wordOf(node.type))?.inputs ?? []).filter(({ widget }) => widget).map(({ name }) => name);
      for (const name of new Set([...widgets, ...own])) {
        const usual = wordOf(this.about(index, "input", name).name) || name;
        const outer = names.has(usual) || node.type === "PrimitiveNode" ? `${readTitle(node.title) ?? wordOf(node.type)} ${name}` : usual;
        if (!names.has(outer)) names.set(outer, { index, name });
      }
    }
    return names;
  }

  /** Gives the inner nodes the values that the group node holds. @returns {[string, string][]} which were shown, by node and name */
  takeValues() {
    const values = listOf(this.raw.widgets_values);
    /** @type {[string, string][]} */
    const shown = [];
    let next = 0;
    for (const [index, node] of this.nodes.entries()) {
      const definition = this.definitions.get(wordOf(node.type));
      if (!definition) continue;
      const reading = readValues(definition, node.widgets_values, node.widgets_values_named);
      const linked = new Set(node.inputs.filter((/** @type {any} */ slot) => slot.link !== null).map((/** @type {any} */ slot) => slot.name));
      let isHidden = false;
      for (const { name, role } of listedNames(definition, reading.values)) {
        if (role === "value") isHidden = linked.has(name) || this.about(index, "input", name).visible === false;
        if (isHidden || role === "upload" || next >= values.length) continue;
        const value = values[next++];
        if (role === "control") reading.controls[name] = value;
        else {
          reading.values[name] = value;
          shown.push([String(node.id), name]);
        }
      }
      delete node.widgets_values_named;
      const [mode] = Object.values(reading.controls);
      node.widgets_values = { ...reading.values, ...(mode === undefined ? {} : { control_after_generate: mode }) };
    }
    return shown;
  }

  /** Where a link into the group node ends. @param {number} slot @returns {{id: number, index: number} | null} */
  target(slot) {
    const outer = listOf(this.raw.inputs)[slot];
    this.names ??= this.findNames();
    const found = this.names.get(wordOf(outer?.name));
    if (!found) return null;
    const node = this.nodes[found.index];
    let index = node.inputs.findIndex((/** @type {any} */ one) => one.name === found.name);
    if (index < 0) index = node.inputs.push({ name: found.name, type: outer.type, link: null, widget: { name: found.name } }) - 1;
    return { id: node.id, index };
  }
}

/**
 * The file with every group node in pieces.
 * @param {any} json @param {Definitions} definitions
 * @returns {Expanded}
 */
function expand(json, definitions) {
  const known = recordOf(recordOf(json.extra).groupNodes);
  const free = new Free(json);
  const plain = { ...json, nodes: [...listOf(json.nodes)], links: listOf(json.links).map((link) => [...listOf(link)]) };
  /** @type {Expanded} */
  const found = { json: plain, groups: [], doubts: [] };
  for (let round = 0; round < DEEPEST && hasGroupNodes(found.json); round += 1) {
    for (const raw of found.json.nodes.filter((/** @type {any} */ node) => hasGroupNodes({ extra: json.extra, nodes: [node] }))) {
      if (found.json.nodes.length > MOST_NODES) break;
      unfold(found, raw, new Unfolding(raw, known[wordOf(raw.type).replace(PREFIX, "")], free, definitions));
    }
  }
  const { groupNodes: _gone, ...extra } = found.json.extra;
  found.json = { ...found.json, extra, last_node_id: free.node, last_link_id: free.link };
  return found;
}

/** @param {Expanded} found @param {any} raw @param {Unfolding} unfolding */
function unfold(found, raw, unfolding) {
  const shown = unfolding.takeValues();
  const outputs = unfolding.outputs();
  const key = String(raw.id);
  for (const link of found.json.links) {
    if (String(link[1]) === key) {
      const [index, slot] = outputs[link[2]] ?? [];
      if (index === undefined) found.doubts.push({ key: null, text: `A link from the group node ${key} could not be placed.` });
      else [link[1], link[2]] = [unfolding.ids[index], slot];
    }
    if (String(link[3]) === key) {
      const end = unfolding.target(link[4]);
      if (!end) found.doubts.push({ key: null, text: `A link into the group node ${key} could not be placed.` });
      else [link[3], link[4]] = [end.id, end.index];
    }
  }
  found.json.nodes = found.json.nodes.flatMap((/** @type {any} */ node) => (node === raw ? unfolding.nodes : [node]));
  found.json.links.push(...unfolding.links);
  for (const outer of found.groups) {
    if (outer.keys.includes(key)) outer.keys = [...outer.keys.filter((one) => one !== key), ...unfolding.ids.map(String)];
  }
  const name = wordOf(raw.type).replace(PREFIX, "");
  found.groups.push({ name, title: readTitle(raw.title), mode: raw.mode, keys: unfolding.ids.map(String), shown });
}

/**
 * A file with group nodes as a document, each of them a subgraph that shows the values that it showed.
 * @param {any} json @param {Definitions} catalogue
 * @returns {Opened}
 */
export function readGroupNodes(json, catalogue) {
  const { json: plain, groups, doubts } = expand(json, catalogue);
  const opened = readWorkflow(plain, catalogue);
  const change = new Transaction(opened.document);
  for (const { name, title, mode, keys, shown } of [...groups].reverse()) {
    const ids = keys.flatMap((key) => opened.document.root.nodeByKey(key)?.id ?? []);
    if (ids.length === 0) continue;
    const idOf = new Map(keys.map((key) => [key, opened.document.root.nodeByKey(key)?.id ?? ""]));
    const host = makeSubgraph(change, catalogue, ids, name);
    const { type } = change.node(host);
    for (const [key, input] of shown) promote(change, catalogue, { host, graph: type, id: idOf.get(key) ?? "", input });
    const modes = /** @type {const} */ ({ 2: "mute", 4: "bypass" });
    change.put("node", { ...change.node(host), title: title === name ? null : title, mode: modes[/** @type {2 | 4} */ (mode)] ?? "normal" });
  }
  return { document: opened.document, doubts: [...opened.doubts, ...doubts] };
}

/**
 * Shows a value of an inner node on the node outside.
 * @param {Transaction} change @param {Definitions} catalogue @param {{host: string, graph: string, id: string, input: string}} place
 */
function promote(change, catalogue, { host, graph, id, input }) {
  const within = change.at(graph);
  const inner = within.graph.nodes.get(id);
  const entry = entryOf(within.graph);
  const definitions = withSubgraphs(change.document, catalogue);
  if (!inner || !entry || within.graph.linkInto(id, input) || !inputSlot(definitions, inner, input)?.widget) return;
  connect(within, definitions, entry.id, entry.outputs.length, id, input);
  const name = entryOf(within.graph)?.outputs.at(-1)?.name;
  const outer = change.node(host);
  if (name) change.put("node", { ...outer, values: Object.freeze({ ...outer.values, [name]: inner.values[input] }) });
}
