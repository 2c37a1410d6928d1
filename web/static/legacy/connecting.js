/** How nodes are linked through the methods that packs call: each becomes a command of the document. */

import { typesMatch } from "../js/model/validate.js";
import { page } from "./page.js";

/** The index of a slot by index or name. */
function indexOf(slots, slot) {
  return typeof slot === "string" ? (slots ?? []).findIndex((one) => one.name === slot) : Number(slot);
}

/** Mixed into the base of all nodes. */
export const connecting = {
  connect(slot, target, targetSlot) {
    const output = indexOf(this.outputs, slot);
    const node = typeof target === "object" ? target : this.graph?.getNodeById(target);
    if (!node || !this.outputs?.[output]) return null;
    const input = targetSlot === -1 || targetSlot === undefined
      ? node.findInputSlotByType(this.outputs[output].type, false, true) : indexOf(node.inputs, targetSlot);
    if (!node.inputs?.[input]) return null;
    if (node.onConnectInput?.(input, this.outputs[output].type, this.outputs[output], this, output) === false) return null;
    if (this.onConnectOutput?.(output, node.inputs[input].type, node.inputs[input], node, input) === false) return null;
    return page.host.connect(this, output, node, input);
  },

  connectByType(slot, target, type) {
    const input = target.findInputSlotByType(type, false, true);
    return input >= 0 ? this.connect(slot, target, input) : null;
  },

  connectByTypeOutput(slot, source, type) {
    const output = source.findOutputSlotByType(type, false, false);
    return output >= 0 ? source.connect(output, this, slot) : null;
  },

  disconnectInput(slot) {
    const index = indexOf(this.inputs, slot);
    const link = this.inputs?.[index]?.link;
    if (link == null) return false;
    return page.host.disconnect(this.graph, link);
  },

  disconnectOutput(slot, target) {
    const index = indexOf(this.outputs, slot);
    const links = [...this.outputs?.[index]?.links ?? []].filter((id) => !target || this.graph.links.get(id)?.target_id === target.id);
    for (const id of links) page.host.disconnect(this.graph, id);
    return links.length > 0;
  },

  getInputLink(slot) {
    const id = this.inputs?.[slot]?.link;
    return id == null ? null : this.graph?.links.get(id) ?? null;
  },

  getInputNode(slot) {
    const link = this.getInputLink(slot);
    return link ? this.graph.getNodeById(link.origin_id) : null;
  },

  getOutputNodes(slot) {
    const links = this.outputs?.[slot]?.links ?? [];
    const nodes = links.map((id) => this.graph.getNodeById(this.graph.links.get(id)?.target_id)).filter(Boolean);
    return nodes.length > 0 ? nodes : null;
  },

  getInputInfo(slot) {
    return this.inputs?.[slot] ?? null;
  },

  getOutputInfo(slot) {
    return this.outputs?.[slot] ?? null;
  },

  isInputConnected(slot) {
    return this.inputs?.[slot]?.link != null;
  },

  isOutputConnected(slot) {
    return (this.outputs?.[slot]?.links?.length ?? 0) > 0;
  },

  isAnyOutputConnected() {
    return (this.outputs ?? []).some((output) => (output.links?.length ?? 0) > 0);
  },

  findInputSlot(name, returnSlot = false) {
    const index = indexOf(this.inputs, name);
    return returnSlot ? this.inputs[index] : index;
  },

  findOutputSlot(name, returnSlot = false) {
    const index = indexOf(this.outputs, name);
    return returnSlot ? this.outputs[index] : index;
  },

  findInputSlotFree() {
    return (this.inputs ?? []).findIndex((input) => input.link == null);
  },

  findOutputSlotFree() {
    return (this.outputs ?? []).findIndex((output) => !output.links?.length);
  },

  findInputSlotByType(type, returnSlot = false, preferFree = false) {
    return typed(this.inputs, type, returnSlot, preferFree ? (input) => input.link == null : null);
  },

  findOutputSlotByType(type, returnSlot = false, preferFree = false) {
    return typed(this.outputs, type, returnSlot, preferFree ? (output) => !output.links?.length : null);
  },

  getInputDataType(slot) {
    return this.inputs?.[slot]?.type ?? null;
  },
};

/** The first slot that fits a type, a free one before one that is taken. */
function typed(slots, type, returnSlot, isFree) {
  const fits = (slots ?? []).map((slot, index) => ({ slot, index })).filter(({ slot }) => typesMatch(String(type || "*"), String(slot.type || "*")));
  const found = (isFree && fits.find(({ slot }) => isFree(slot))) || fits[0];
  if (!found) return returnSlot ? null : -1;
  return returnSlot ? found.slot : found.index;
}
