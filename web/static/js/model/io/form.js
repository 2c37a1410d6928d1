/** Reads and writes forms in `extra`: our own in full, and the ecosystem's `linearData`, which lists inputs and outputs. */

/** @import { Document } from "../document.js" */
/** @import { Form, FormItem } from "../form.js" */

import { nodeItems, nodeOfForm } from "../form.js";
import { reachableSubgraphs } from "../subgraphs.js";
import { listOf, recordOf, without, wordOf } from "./raw.js";

const KINDS = new Set(["input", "output", "text", "heading", "row"]);

/**
 * The form that a file describes, or null.
 * @param {any} extra @param {Document} document whose nodes are there
 * @returns {Form | null}
 */
export function readForm(extra, document) {
  const find = finder(document);
  const own = recordOf(recordOf(extra).sfumato).form;
  if (own && typeof own === "object") {
    const items = readItems(own.items, find, true);
    return items.length > 0 || own.title ? Object.freeze({ title: wordOf(own.title), items }) : null;
  }
  const { inputs, outputs } = recordOf(recordOf(extra).linearData);
  const items = [
    ...listOf(inputs).filter(Array.isArray).map(([node, name]) => ({ kind: "input", node, name })),
    ...listOf(outputs).map((node) => ({ kind: "output", node })),
  ];
  const read = readItems(items, find, true);
  return read.length > 0 ? Object.freeze({ title: "", items: read }) : null;
}

/** @param {Document} document @returns {(graph: any, key: any) => string | undefined} ids of nodes by graph and key */
function finder(document) {
  /** @type {Map<string, Map<string, string>>} */
  const known = new Map();
  return (graphId, key) => {
    const graph = document.graphs.get(wordOf(graphId ?? document.root.id));
    if (!graph) return undefined;
    let ids = known.get(graph.id);
    if (!ids) known.set(graph.id, (ids = new Map([...graph.nodes.values()].map((node) => [node.key, node.id]))));
    return ids.get(wordOf(key));
  };
}

/** @param {any} list @param {(graph: any, key: any) => string | undefined} find @param {boolean} mayNest @returns {readonly FormItem[]} */
function readItems(list, find, mayNest) {
  return Object.freeze(listOf(list).flatMap((raw) => {
    const item = readItem(recordOf(raw), find, mayNest);
    return item ? [Object.freeze(item)] : [];
  }));
}

/** @param {any} raw @param {(graph: any, key: any) => string | undefined} find @param {boolean} mayNest @returns {FormItem | null} */
function readItem(raw, find, mayNest) {
  const { kind } = raw;
  if (!KINDS.has(kind) || (kind === "row" && !mayNest)) return null;
  if (kind === "row") {
    const items = readItems(raw.items, find, false);
    return items.length > 0 ? { kind, items } : null;
  }
  if (kind === "text" || kind === "heading") return { kind, text: wordOf(raw.text) };
  const node = find(raw.graph, raw.node);
  if (node === undefined) return null;
  return kind === "output" ? { ...shown(raw), kind, node } : { ...shown(raw), kind, node, name: wordOf(raw.name) };
}

/** @param {any} raw @returns {{label?: string, minimum?: number, maximum?: number, widget?: string}} */
function shown({ label, minimum, maximum, widget }) {
  return {
    ...(typeof label === "string" ? { label } : {}), ...(Number.isFinite(minimum) ? { minimum } : {}),
    ...(Number.isFinite(maximum) ? { maximum } : {}), ...(typeof widget === "string" ? { widget } : {}),
  };
}

/**
 * The fields of `extra` for a form.
 * @param {Document} document @param {any} extra as it was read
 * @returns {Record<string, any>}
 */
export function writeForm(document, extra) {
  const { sfumato, linearData, ...rest } = recordOf(extra);
  const { form: _old, ...own } = recordOf(sfumato);
  const form = /** @type {Form | undefined} */ (document.meta.get("form")?.value);
  const written = new Set([document.root.id, ...reachableSubgraphs(document, document.root.id)]);
  const items = form ? writeItems(document, form.items, written) : [];
  const mine = form && (items.length > 0 || form.title !== "") ? { form: { title: form.title, items } } : {};
  const ours = { ...own, ...mine };
  return {
    ...rest, ...(Object.keys(ours).length > 0 ? { sfumato: ours } : {}),
    ...(form && linearData ? { linearData: writeLinear(document, form, linearData) } : {}),
  };
}

/** @param {Document} document @param {readonly FormItem[]} items @param {ReadonlySet<string>} graphs that are saved @returns {any[]} */
function writeItems(document, items, graphs) {
  /** @type {any[]} */
  const written = [];
  for (const item of items) {
    if (item.kind === "row") {
      const items = writeItems(document, item.items, graphs);
      if (items.length > 0) written.push({ ...item, items });
    } else if (item.kind !== "input" && item.kind !== "output") written.push(item);
    else {
      const place = nodeOfForm(document, item.node);
      const within = place && place.graph !== document.root.id ? { graph: place.graph } : {};
      if (place && graphs.has(place.graph)) written.push({ ...item, node: place.node.key, ...within });
    }
  }
  return written;
}

/** The same in the ecosystem's words, for what stands on the first level. @param {Document} document @param {Form} form @param {any} stored */
function writeLinear(document, form, stored) {
  const more = new Map(listOf(stored.inputs).filter(Array.isArray).map(([node, name, ...rest]) => [`${node} ${name}`, rest]));
  const ids = new Map([...listOf(stored.outputs), ...listOf(stored.inputs).map((entry) => entry?.[0])].map((id) => [wordOf(id), id]));
  /** @type {any[]} */
  const inputs = [];
  /** @type {any[]} */
  const outputs = [];
  for (const item of nodeItems(form)) {
    const key = document.root.nodes.get(item.node)?.key;
    if (key === undefined) continue;
    const id = ids.get(key) ?? (/^\d+$/.test(key) ? Number(key) : key);
    if (item.kind === "output") outputs.push(id);
    else inputs.push([id, item.name, ...more.get(`${key} ${item.name}`) ?? []]);
  }
  return { ...without(stored, new Set(["inputs", "outputs"])), inputs, outputs };
}
