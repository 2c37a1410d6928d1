/** Rows of a form: items are put side by side, and taken apart again. */

/** @import { Transaction } from "./document.js" */
/** @import { Place } from "./form.js" */

import { formOf, setForm } from "./form.js";

/**
 * Puts an item beside the one above it, in one row.
 * @param {Transaction} change @param {Place} place of an item that stands in no row
 */
export function joinFormItem(change, [index]) {
  const form = formOf(change.document);
  const [above, item] = [form.items[index - 1], form.items[index]];
  if (!above || !item || item.kind === "row" || item.kind === "output" || above.kind === "output") return;
  const row = Object.freeze({ kind: /** @type {const} */ ("row"), items: [...(above.kind === "row" ? above.items : [above]), item] });
  setForm(change, { ...form, items: form.items.toSpliced(index - 1, 2, row) });
}

/**
 * Takes an item out of its row and puts it below; a row of one is none.
 * @param {Transaction} change @param {Place} place of an item in a row
 */
export function partFormItem(change, [index, inner]) {
  const form = formOf(change.document);
  const row = form.items[index];
  if (row?.kind !== "row" || inner === undefined || !row.items[inner]) return;
  const rest = row.items.toSpliced(inner, 1);
  const left = rest.length > 1 ? [Object.freeze({ ...row, items: rest })] : rest;
  setForm(change, { ...form, items: form.items.toSpliced(index, 1, ...left, row.items[inner]) });
}
