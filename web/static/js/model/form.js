/** The form of a workflow: chosen inputs and results, arranged as a person likes them. One value in the document's `meta`. */

/** @import { Document, Transaction } from "./document.js" */
/** @import { Node } from "./types.js" */

/**
 * One entry of a form. An input and an output name their node by its id, in whichever graph it stands.
 * @typedef {Readonly<{kind: "input", node: string, name: string, label?: string, minimum?: number, maximum?: number, widget?: string}>
 *   | Readonly<{kind: "output", node: string, label?: string}>
 *   | Readonly<{kind: "text", text: string}> | Readonly<{kind: "heading", text: string}>
 *   | Readonly<{kind: "row", items: readonly FormItem[]}>} FormItem
 */
/** @typedef {Readonly<{title: string, items: readonly FormItem[]}>} Form */
/** @typedef {readonly number[]} Place where an item stands: its index, after the index of its row where it is in one */

/** @type {Form} */
export const EMPTY_FORM = Object.freeze({ title: "", items: Object.freeze([]) });

/**
 * The form of a document.
 * @param {Document} document
 * @returns {Form}
 */
export function formOf(document) {
  return document.meta.get("form")?.value ?? EMPTY_FORM;
}

/** @param {Transaction} change @param {Form} form one that is empty is taken away */
export function setForm(change, form) {
  if (form.items.length === 0 && form.title === "") change.remove("meta", "form");
  else change.put("meta", { id: "form", value: Object.freeze(form) });
}

/** @param {Transaction} change @param {string} title */
export function setFormTitle(change, title) {
  setForm(change, { ...formOf(change.document), title });
}

/**
 * Adds an item.
 * @param {Transaction} change @param {FormItem} item
 * @param {Place} [place] where none is given, an input stands before the first result and all else at the end
 */
export function addFormItem(change, item, place) {
  const form = formOf(change.document);
  const results = item.kind === "input" ? form.items.findIndex(({ kind }) => kind === "output") : -1;
  const index = results < 0 ? form.items.length : results;
  setForm(change, { ...form, items: inserted(form.items, place ?? [index], Object.freeze(item)) });
}

/** @param {Transaction} change @param {Place} place @param {Record<string, any>} fields undefined takes a field away */
export function setFormItem(change, place, fields) {
  const form = formOf(change.document);
  const item = itemAt(form, place);
  if (!item) throw new Error("There is nothing at this place of the form.");
  const whole = Object.entries({ ...item, ...fields }).filter(([, value]) => value !== undefined);
  const changed = /** @type {FormItem} */ (Object.freeze(Object.fromEntries(whole)));
  setForm(change, { ...form, items: inserted(removed(form.items, place), place, changed) });
}

/** @param {Transaction} change @param {Place} place */
export function removeFormItem(change, place) {
  const form = formOf(change.document);
  setForm(change, { ...form, items: withoutEmptyRows(removed(form.items, place)) });
}

/**
 * Moves an item. Places are meant as they are before the move.
 * @param {Transaction} change @param {Place} from @param {Place} to the item that it is to stand before
 */
export function moveFormItem(change, from, to) {
  const form = formOf(change.document);
  const item = itemAt(form, from);
  if (!item || (item.kind === "row" && to.length > 1)) return;
  const rest = removed(form.items, from);
  const place = [...to];
  const level = from.length - 1;
  const isSameList = to.length >= from.length && from.slice(0, level).every((index, depth) => to[depth] === index);
  if (isSameList && to[level] > from[level]) place[level] -= 1;
  setForm(change, { ...form, items: withoutEmptyRows(inserted(rest, place, item)) });
}

/**
 * The item at a place.
 * @param {Form} form @param {Place} place
 * @returns {FormItem | undefined}
 */
export function itemAt(form, place) {
  const [index, inner] = place;
  const item = form.items[index];
  return inner === undefined ? item : item?.kind === "row" ? item.items[inner] : undefined;
}

/** @param {readonly FormItem[]} items @param {Place} place @param {FormItem} item @returns {readonly FormItem[]} */
function inserted(items, [index, inner], item) {
  if (inner === undefined) return items.toSpliced(index, 0, item);
  return items.map((one, at) => (at === index && one.kind === "row" ? { ...one, items: one.items.toSpliced(inner, 0, item) } : one));
}

/** @param {readonly FormItem[]} items @param {Place} place @returns {readonly FormItem[]} */
function removed(items, [index, inner]) {
  if (inner === undefined) return items.toSpliced(index, 1);
  return items.map((one, at) => (at === index && one.kind === "row" ? { ...one, items: one.items.toSpliced(inner, 1) } : one));
}

/** @param {readonly FormItem[]} items @returns {readonly FormItem[]} */
function withoutEmptyRows(items) {
  return items.filter((item) => item.kind !== "row" || item.items.length > 0);
}

/**
 * The node that an item speaks of, in whichever graph it stands; null when it is gone.
 * @param {Document} document @param {string} id
 * @returns {{graph: string, node: Node} | null}
 */
export function nodeOfForm(document, id) {
  for (const graph of document.graphs.values()) {
    const node = graph.nodes.get(id);
    if (node) return { graph: graph.id, node };
  }
  return null;
}

/**
 * Every input and output of a form with its node, rows opened.
 * @param {Form} form
 * @returns {Extract<FormItem, {node: string}>[]}
 */
export function nodeItems(form) {
  return form.items.flatMap((item) => (item.kind === "row" ? [...item.items] : [item]))
    .filter((item) => item.kind === "input" || item.kind === "output");
}
