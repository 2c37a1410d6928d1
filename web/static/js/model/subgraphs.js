/** Subgraphs as node types: their sockets and promoted widgets, found by following the links from their entry and exit. */

/** @import { Document, Graph } from "./document.js" */
/** @import { Definition, Definitions, InputDefinition, Link, Node, OutputDefinition, Widget } from "./types.js" */

import { ENTRY, EXIT } from "./definitions.js";
import { wordOf } from "./io/raw.js";
import { inputSlot } from "./slots.js";

/**
 * The entry or the exit of a graph.
 * @param {Graph} graph @param {string} type
 * @returns {Node | undefined}
 */
function boundary(graph, type) {
  for (const node of graph.nodes.values()) if (node.type === type) return node;
  return undefined;
}

/** @param {Graph} graph @returns {Node | undefined} */
export const entryOf = (graph) => boundary(graph, ENTRY);

/** @param {Graph} graph @returns {Node | undefined} */
export const exitOf = (graph) => boundary(graph, EXIT);

/**
 * The catalogue with a definition for each subgraph of a document.
 * @param {Document} document @param {Definitions} catalogue
 * @returns {Definitions}
 */
export function withSubgraphs(document, catalogue) {
  if (document.subgraphs.size === 0) return catalogue;
  /** @type {Map<string, Definition>} */
  const definitions = new Map(catalogue);
  for (const id of document.subgraphs.keys()) define(document, definitions, id, new Set());
  return definitions;
}

/** @param {Document} document @param {Map<string, Definition>} definitions @param {string} id @param {Set<string>} open */
function define(document, definitions, id, open) {
  const graph = document.graphs.get(id);
  const subgraph = document.subgraphs.get(id);
  if (!graph || !subgraph || definitions.has(id) || open.has(id)) return;
  open.add(id);
  let isOutput = false;
  for (const { type } of graph.nodes.values()) {
    if (document.subgraphs.has(type)) define(document, definitions, type, open);
    isOutput ||= definitions.get(type)?.isOutput ?? false;
  }
  definitions.set(id, Object.freeze({
    type: id, name: subgraph.name, category: "subgraphs", description: wordOf(subgraph.kept.description), module: "",
    inputs: inputsOf(graph, definitions), outputs: outputsOf(graph), isOutput, isVirtual: false, deprecated: false,
    experimental: false, isSubgraph: true,
  }));
}

/** @param {Graph} graph @param {Definitions} definitions @returns {InputDefinition[]} */
function inputsOf(graph, definitions) {
  const entry = entryOf(graph);
  if (!entry) return [];
  const links = graph.linksFrom(entry.id);
  return entry.outputs.map((slot, index) => {
    /** @type {Widget | null} */
    let widget = null;
    const own = links.filter((link) => link.slot === index);
    // Of a type that nobody knows a widget is only guessed, so one that is known is better.
    for (const known of [true, false]) for (const link of own) widget ??= innerWidget(graph, definitions, link, known);
    return Object.freeze({
      name: slot.name, type: slot.type, optional: true, tooltip: "", label: wordOf(slot.kept.label) || slot.name,
      widget,
    });
  });
}

/**
 * The widget in which a link from the entry ends; what it holds is the value of an instance that has none of its own.
 * @param {Graph} graph @param {Definitions} definitions @param {Link} link @param {boolean} known whether the type must be
 * @returns {Widget | null} null where it ends in a plain socket
 */
function innerWidget(graph, definitions, link, known) {
  const target = /** @type {Node} */ (graph.nodes.get(link.to));
  if (known && !definitions.has(target.type)) return null;
  const slot = inputSlot(definitions, target, link.input);
  if (!slot?.widget) return null;
  return Object.freeze({ ...slot.widget, fallback: target.values[link.input] ?? slot.widget.fallback });
}

/** @param {Graph} graph @returns {OutputDefinition[]} */
function outputsOf(graph) {
  return (exitOf(graph)?.inputs ?? []).map((slot) => Object.freeze({
    name: slot.name, type: slot.type, tooltip: "", isList: false, label: wordOf(slot.kept.label) || slot.name,
  }));
}

/**
 * Whether a graph holds an instance of a subgraph, itself or in a graph within it.
 * @param {Document} document @param {string} graphId @param {string} id
 * @returns {boolean}
 */
export function holdsSubgraph(document, graphId, id) {
  const seen = new Set([graphId]);
  for (const current of seen) {
    if (current === id) return true;
    for (const { type } of document.graphs.get(current)?.nodes.values() ?? []) {
      if (document.subgraphs.has(type)) seen.add(type);
    }
  }
  return false;
}

/**
 * The subgraphs that can be reached from a graph, nearest first.
 * @param {Document} document @param {string} graphId
 * @returns {string[]}
 */
export function reachableSubgraphs(document, graphId) {
  const seen = new Set([graphId]);
  for (const current of seen) {
    for (const { type } of document.graphs.get(current)?.nodes.values() ?? []) {
      if (document.subgraphs.has(type)) seen.add(type);
    }
  }
  seen.delete(graphId);
  return [...seen];
}

/**
 * The instances on the way from the first level to a graph, outermost first; null when there is no way.
 * @param {Document} document @param {string} graphId
 * @returns {string[] | null}
 */
export function pathTo(document, graphId) {
  /** @type {{graph: string, path: string[]}[]} */
  const waiting = [{ graph: document.root.id, path: [] }];
  const seen = new Set();
  for (const { graph, path } of waiting) {
    if (graph === graphId) return path;
    if (seen.has(graph)) continue;
    seen.add(graph);
    for (const node of document.graphs.get(graph)?.nodes.values() ?? []) {
      if (document.subgraphs.has(node.type)) waiting.push({ graph: node.type, path: [...path, node.id] });
    }
  }
  return null;
}
