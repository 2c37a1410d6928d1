/** The Run button: how often it runs, and of what. */

/** @import { App } from "../app.js" */
/** @import { RunMode } from "../engine/automatic.js" */

import { RUN_MODES } from "../engine/automatic.js";
import { t } from "../words.js";
import { askText } from "./dialogs.js";
import { byId } from "./dom.js";
import { openMenu } from "./menu.js";

const COUNTS = [1, 2, 4, 8, 16];

/** @returns {Record<RunMode, string>} */
function modeWords() {
  return { once: t("Run once"), change: t("Run after each change"), instant: t("Run again and again") };
}

/** Keeps the button true. @param {App} app */
export function tendRunButton(app) {
  const { automatic } = app;
  const run = byId("run");
  run.addEventListener("click", (event) => app.commands.run(event.shiftKey ? "run-front" : "run"));
  byId("run-mode").addEventListener("click", () => {
    const box = run.getBoundingClientRect();
    const counts = COUNTS.includes(automatic.count) ? COUNTS : [...COUNTS, automatic.count];
    openMenu(box.left, box.bottom + 6, [
      ...RUN_MODES.map((mode) => ({ label: modeWords()[mode], isChecked: automatic.mode === mode, run: () => automatic.setMode(mode) })),
      null,
      ...counts.map((count) => ({
        label: count === 1 ? t("1 run for each press") : t("{count} runs for each press", { count }), isChecked: automatic.count === count,
        isDisabled: automatic.mode !== "once", run: () => automatic.setCount(count),
      })),
      { label: t("Another number of runs…"), isDisabled: automatic.mode !== "once", run: () => void askCount(app) },
      null,
      ...app.commands.items(["run-front", "run-selected", "cancel"]),
    ]);
  });
  const show = () => {
    const words = automatic.mode === "once" ? (automatic.count > 1 ? t("Run ×{count}", { count: automatic.count }) : t("Run"))
      : automatic.isOn ? t("Stop") : automatic.mode === "change" ? t("Run live") : t("Run on");
    byId("run-label").textContent = words;
    run.setAttribute("aria-pressed", String(automatic.isOn));
  };
  automatic.listen(show);
  show();
}

/** @param {App} app */
async function askCount({ automatic }) {
  const text = await askText(t("How many runs for each press?"), String(automatic.count), t("Choose"));
  if (text !== null) automatic.setCount(Number(text));
}
