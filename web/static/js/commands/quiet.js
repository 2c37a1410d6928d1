/** The canvas alone: everything around it goes away until it is asked for again. */

/** @import { App } from "../app.js" */

import { byId, make } from "../ui/dom.js";
import { loadStyle } from "../ui/styles.js";
import { toast } from "../ui/toasts.js";
import { t } from "../words.js";

const KEYS = "alt+shift+f";

/** @param {App} app */
export function tendQuiet(app) {
  /** @type {HTMLElement | null} */
  let back = null;
  const show = async () => {
    await loadStyle("quiet.css");
    const isQuiet = document.body.classList.toggle("is-quiet");
    back?.remove();
    back = null;
    if (isQuiet) {
      const title = t("Show everything again (Alt+Shift+F)");
      back = make("button", { type: "button", className: "quiet-back", title, "aria-label": title, onclick: () => void show() }, "×");
      byId("stage").before(back);
      byId("stage").focus({ preventScroll: true });
    }
    app.layOut(byId("stage"));
    toast(isQuiet ? t("Only the canvas is shown. Alt+Shift+F or × shows everything again.") : t("Everything is shown again."), { name: "quiet" });
  };
  app.commands.add([{ id: "canvas-alone", label: t("Only the canvas, or everything again"), keys: [KEYS], run: () => void show() }]);
}
