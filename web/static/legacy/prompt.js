/** The prompt as the ecosystem makes it: virtual nodes push and pass on values, widgets say what they send. */

import { writePrompt } from "../js/model/io/flatten.js";
import { attempt, invoke, page } from "./page.js";
import { nameOf } from "./sync.js";

/** @returns {Promise<{workflow: any, output: any}>} */
export async function promptOf() {
  const { host, resolve } = page;
  host.flushAll();
  const order = [...host.graphs.values()].flatMap((graph) => graph.computeExecutionOrder());
  for (const node of order) if (node.isVirtualNode) invoke(node, "applyToGraph");
  host.flushAll();
  const sent = await sentValues(order);
  const own = resolve?.() ?? ((_node, _name, value) => value);
  const output = writePrompt(host.store.document, host.store.catalogue, (record, name, value, graph) => {
    const values = sent.get(record.id);
    return values?.has(name) ? values.get(name) : own(record, name, value, graph);
  }, follow);
  return { workflow: page.app.workflow(), output };
}

/** What widgets with a `serializeValue` of their own send. */
async function sentValues(nodes) {
  const sent = new Map();
  for (const node of nodes) {
    for (const [index, widget] of (node.widgets ?? []).entries()) {
      if (typeof widget.serializeValue !== "function" || widget.options?.serialize === false) continue;
      const value = await attempt(`${widget.name}.serializeValue`, () => widget.serializeValue(node, index));
      const name = nameOf(node, widget);
      if (name === undefined) continue;
      if (!sent.has(node._id)) sent.set(node._id, new Map());
      sent.get(node._id).set(name, value);
    }
  }
  return sent;
}

/**
 * The link that a virtual node stands for.
 * @param {any} graph of the document @param {any} record the virtual node @param {any} link that leaves it
 */
function follow(graph, record, link) {
  const node = page.host.nodeOf(record.id);
  if (!node) return undefined;
  const resolved = invoke(node, "resolveVirtualOutput", link.slot);
  if (resolved?.node?._id) return { ...link, id: `${link.id}>${resolved.node._id}`, from: resolved.node._id, slot: resolved.slot };
  const before = attempt(`${node.type}.getInputLink`, () => node.getInputLink(link.slot));
  return before ? [...graph.links.values()].find((one) => one.key === before.id) : undefined;
}
