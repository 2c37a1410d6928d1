/** Ctrl with the arrow up or down changes the weight of words in any prompt. */

/** @import { App } from "../app.js" */

import { reweigh } from "../model/weights.js";

/** @param {App} app */
export function tendWeights({ settings }) {
  addEventListener("keydown", (event) => {
    const sign = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    const area = event.target;
    if (sign === undefined || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    if (!(area instanceof HTMLTextAreaElement) || area.readOnly) return;
    event.preventDefault();
    event.stopPropagation();
    const edit = reweigh(area.value, area.selectionStart, area.selectionEnd, sign * settings.get("text.weight"));
    if (!edit) return;
    area.setRangeText(edit.text, edit.from, edit.to, "select");
    area.dispatchEvent(new globalThis.Event("input", { bubbles: true }));
  }, true);
}
