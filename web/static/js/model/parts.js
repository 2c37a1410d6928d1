/** Parts of a document that travel: what a copy holds, how it is put into another graph, and blueprints, which are parts too. */

/** @import { Graph, Transaction } from "./document.js" */
/** @import { Definition, Definitions, Point } from "./types.js" */

import { addCopies, addGroup, connect } from "./commands.js";
import { Document, Transaction as Draft } from "./document.js";
import { newUuid } from "./ids.js";
import { recordOf, wordOf } from "./io/raw.js";
import { isWorkflow, readWorkflow } from "./io/read.js";
import { writeWorkflow } from "./io/write.js";
import { addSubgraphs } from "./joining.js";
import { chainOf } from "./reroutes.js";
import { holdsSubgraph, withSubgraphs } from "./subgraphs.js";
import { checkLink } from "./validate.js";

/**
 * A link that fed a copied node from outside: the node by its key in the copy, and its origin by identity and by key.
 * @typedef {Readonly<{key: string, input: string, from: string, fromKey: string, slot: number}>} Incoming
 */

/** @typedef {Readonly<{name: string, description: string, category: string, aliases: readonly string[], json: any}>} Blueprint */

/**
 * Some nodes and frames of a graph as a document of their own, with the links among them and all subgraphs.
 * @param {Document} document @param {string} graphId @param {Iterable<string>} ids
 * @returns {Document}
 */
export function partOf(document, graphId, ids) {
  const part = new Document(newUuid());
  for (const [id, subgraph] of document.subgraphs) {
    part.subgraphs.set(id, subgraph);
    part.graphs.set(id, /** @type {Graph} */ (document.graphs.get(id)));
  }
  const graph = /** @type {Graph} */ (document.graphs.get(graphId));
  const change = new Draft(part);
  const chosen = new Set(ids);
  for (const id of chosen) {
    const [node, group] = [graph.nodes.get(id), graph.groups.get(id)];
    if (node) change.put("node", node);
    if (group) change.put("group", group);
  }
  for (const id of part.root.nodes.keys()) {
    for (const link of graph.linksInto(id)) {
      if (!part.root.nodes.has(link.from)) continue;
      for (const reroute of chainOf(graph, link.via)) change.put("reroute", reroute);
      change.put("link", link);
    }
  }
  return part;
}

/**
 * The links that feed some nodes from outside, for a paste that keeps them.
 * @param {Graph} graph @param {Iterable<string>} ids
 * @returns {Incoming[]}
 */
export function incomingOf(graph, ids) {
  const chosen = new Set(ids);
  return [...chosen].flatMap((id) => graph.linksInto(id).filter((link) => !chosen.has(link.from)).map((link) => ({
    key: graph.nodes.get(id)?.key ?? "", input: link.input, from: link.from, fromKey: graph.nodes.get(link.from)?.key ?? "", slot: link.slot,
  })));
}

/**
 * Puts a part into the graph that is changed. Nodes that would hold themselves stay out.
 * @param {Transaction} change @param {Definitions} catalogue @param {Document} part @param {Point} offset
 * @param {readonly Incoming[]} incoming links to make again where their origin is there and fits
 * @returns {string[]} ids of the new nodes
 */
export function addPart(change, catalogue, part, offset, incoming = []) {
  const names = addSubgraphs(change, part);
  const nodes = [...part.root.nodes.values()].map((node) => ({ ...node, type: names.get(node.type) ?? node.type }))
    .filter((node) => !holdsSubgraph(change.document, node.type, change.graphId)).sort((one, other) => one.z - other.z);
  const ids = addCopies(change, nodes, [...part.root.links.values()], offset, part.root);
  for (const group of part.root.groups.values()) {
    const [x, y, width, height] = group.bounds;
    addGroup(change, group.title, [x + offset[0], y + offset[1], width, height], group);
  }
  const copies = new Map(nodes.map((node, index) => [node.key, ids[index]]));
  const definitions = withSubgraphs(change.document, catalogue);
  for (const { key, input, from, fromKey, slot } of incoming.map(recordOf)) {
    const to = copies.get(key);
    const origin = change.graph.nodes.get(from) ?? change.graph.nodeByKey(fromKey);
    if (!to || !origin || change.graph.linkInto(to, input)) continue;
    if (checkLink(change.graph, definitions, origin.id, slot, to, input).ok) connect(change, definitions, origin.id, slot, to, input);
  }
  return ids;
}

/**
 * A subgraph as a blueprint: a workflow that holds one instance of it and nothing else.
 * @param {Document} document @param {Definitions} catalogue @param {string} graphId @param {string} id the instance
 * @param {{name?: string, description?: string, aliases?: readonly string[]}} about
 * @returns {any}
 */
export function writeBlueprint(document, catalogue, graphId, id, { name, description = "", aliases = [] }) {
  const part = partOf(document, graphId, [id]);
  const [node] = part.root.nodes.values();
  const subgraph = node && part.subgraphs.get(node.type);
  if (!subgraph) throw new Error("Only a subgraph can be published as a blueprint.");
  const title = name ?? node.title ?? subgraph.name;
  part.subgraphs.set(subgraph.id, { ...subgraph, name: title });
  const change = new Draft(part);
  change.put("node", { ...node, title: null, position: [0, 0], z: 0 });
  const json = writeWorkflow(part, catalogue);
  const about = { ...(description ? { BlueprintDescription: description } : {}), ...(aliases.length > 0 ? { BlueprintSearchAliases: aliases } : {}) };
  return { ...json, extra: { ...json.extra, ...about } };
}

/**
 * What a blueprint says of itself; null for any other JSON.
 * @param {any} json
 * @returns {Blueprint | null}
 */
export function readBlueprint(json) {
  if (!isWorkflow(json) || json.nodes.length !== 1) return null;
  const list = json.definitions?.subgraphs;
  const raw = Array.isArray(list) ? list.find((one) => one?.id === json.nodes[0]?.type) : undefined;
  if (!raw) return null;
  const extra = recordOf(json.extra);
  const aliases = Array.isArray(extra.BlueprintSearchAliases) ? extra.BlueprintSearchAliases.map(wordOf) : [];
  const description = wordOf(extra.BlueprintDescription ?? raw.description);
  return Object.freeze({ name: wordOf(raw.name ?? "Subgraph"), description, category: wordOf(raw.category), aliases, json });
}

/**
 * The node type that a blueprint would add, for lists and previews.
 * @param {Blueprint} blueprint @param {Definitions} catalogue
 * @returns {Definition | null}
 */
export function blueprintDefinition({ name, description, category, aliases, json }, catalogue) {
  const { document } = readWorkflow(json, catalogue);
  const definition = withSubgraphs(document, catalogue).get(wordOf(json.nodes[0].type));
  return definition ? Object.freeze({ ...definition, name, description, aliases, category: category || definition.category }) : null;
}

/**
 * Adds an instance of a blueprint.
 * @param {Transaction} change @param {Definitions} catalogue @param {Blueprint} blueprint @param {Point} position
 * @returns {string} the id of the new node
 */
export function addBlueprint(change, catalogue, blueprint, position) {
  const part = readWorkflow(blueprint.json, catalogue).document;
  const [node] = part.root.nodes.values();
  const offset = /** @type {Point} */ ([position[0] - node.position[0], position[1] - node.position[1]]);
  const [id] = addPart(change, catalogue, part, offset);
  if (!id) throw new Error(`The blueprint ${blueprint.name} holds the subgraph that it would be put into.`);
  return id;
}
