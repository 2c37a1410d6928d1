/** The form of a workflow that has none of its own. */

/** @import { Document } from "./document.js" */
/** @import { Form, FormItem } from "./form.js" */
/** @import { Definitions, Node } from "./types.js" */

import { t } from "../words.js";
import { slotsOf, titleOf } from "./slots.js";

/**
 * A form to begin with: pictures, texts, size and seed of the first level in reading order, then every result.
 * @param {Document} document @param {Definitions} definitions
 * @returns {Form}
 */
export function suggestedForm(document, definitions) {
  const nodes = [...document.root.nodes.values()].filter((node) => node.mode === "normal")
    .sort((one, other) => one.position[0] - other.position[0] || one.position[1] - other.position[1]);
  /** @type {FormItem[][]} pictures, texts, sizes, seeds, results */
  const [pictures, texts, sizes, seeds, outputs] = [[], [], [], [], []];
  for (const node of nodes) {
    const definition = definitions.get(node.type);
    if (!definition || definition.isVirtual) continue;
    /** @type {FormItem[]} */
    const size = [];
    for (const { name, widget } of slotsOf(definitions, node).inputs) {
      if (!widget || document.root.linkInto(node.id, name)) continue;
      const item = /** @type {const} */ ({ kind: "input", node: node.id, name });
      if (widget.upload) pictures.push(item);
      else if (widget.kind === "text") texts.push({ ...item, label: roleOf(document, definitions, node) });
      else if (widget.seeded) seeds.push(item);
      else if (name === "width" || name === "height") size.push(item);
    }
    if (size.length > 0) sizes.push(size.length > 1 ? { kind: "row", items: size } : size[0]);
    if (definition.isOutput) outputs.push({ kind: "output", node: node.id });
  }
  return { title: "", items: [...pictures, ...texts, ...sizes, ...seeds, ...outputs] };
}

/**
 * What a text is for: its own title, or the name of the input that it feeds where that says more than its type.
 * @param {Document} document @param {Definitions} definitions @param {Node} node
 */
function roleOf({ root }, definitions, node) {
  const fed = root.linksFrom(node.id).map(({ input }) => input);
  if (node.title === null && fed.includes("negative")) return t("Negative prompt");
  if (node.title === null && fed.includes("positive")) return t("Prompt");
  return titleOf(definitions, node);
}
